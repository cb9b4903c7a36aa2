// The list of episodes: filtered and sorted here, and only the rows that are in sight are in the page.

import { dayAndTime, element, percent, REVIEWS, SIDES, clock, fileName, words } from "./words.js";

const ROW = 56; // px, as in page.css
const SPARE = 6; // rows above and below what is in sight

export class List {
  // onChoose(row) is called when a row is clicked
  constructor(box, space, onChoose) {
    this.box = box;
    this.space = space;
    this.rows = []; // all that pass, in order
    this.chosen = null;
    this.drawn = new Map(); // place -> element
    box.addEventListener("scroll", () => this.#later(), { passive: true });
    new ResizeObserver(() => this.#later()).observe(box);
    space.addEventListener("click", (event) => {
      const found = event.target.closest(".row");
      if (found) onChoose(this.rows[Number(found.dataset.place)]);
    });
  }

  show(rows, chosen) {
    this.rows = rows;
    this.chosen = chosen;
    this.space.style.height = `${rows.length * ROW}px`;
    for (const made of this.drawn.values()) made.remove();
    this.drawn.clear();
    this.draw();
  }

  // The place of the chosen row, -1 when it is not among those that pass.
  place() {
    return this.chosen ? this.rows.indexOf(this.chosen) : -1;
  }

  choose(row) {
    this.chosen = row;
    const place = this.place();
    if (place >= 0) {
      const top = place * ROW;
      const { scrollTop, clientHeight } = this.box;
      if (top < scrollTop) this.box.scrollTop = top;
      else if (top + ROW > scrollTop + clientHeight) this.box.scrollTop = top + ROW - clientHeight;
    }
    this.draw();
  }

  #later() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  draw() {
    const first = Math.max(0, Math.floor(this.box.scrollTop / ROW) - SPARE);
    const last = Math.min(this.rows.length, Math.ceil((this.box.scrollTop + this.box.clientHeight) / ROW) + SPARE);
    for (const [place, made] of this.drawn) {
      if (place < first || place >= last) {
        made.remove();
        this.drawn.delete(place);
      }
    }
    for (let place = first; place < last; place += 1) {
      if (!this.drawn.has(place)) {
        const made = line(this.rows[place], place, this.rows.length);
        this.drawn.set(place, made);
        this.space.append(made);
      }
      this.drawn.get(place).setAttribute("aria-selected", String(this.rows[place] === this.chosen));
    }
    const place = this.place();
    if (this.drawn.has(place)) this.box.setAttribute("aria-activedescendant", `row-${place}`);
    else this.box.removeAttribute("aria-activedescendant");
  }
}

function line(row, place, count) {
  const made = element("div", "", "row");
  made.id = `row-${place}`;
  made.dataset.place = place;
  made.dataset.id = row.id;
  made.setAttribute("role", "option");
  made.setAttribute("aria-setsize", count);
  made.setAttribute("aria-posinset", place + 1);
  made.style.top = `${place * ROW}px`;
  const side = element("span", SIDES[row.side] ?? "?", `side ${row.side in SIDES ? row.side : ""}`);
  side.setAttribute("aria-label", row.side);
  side.setAttribute("role", "img");
  const count_ = row.ordinary ? "" : ` · ${row.twitches} ×`;
  const first = element("span", `${words(row.own_kind || row.kind)}${row.own_kind ? " *" : ""}${count_}`, "first");
  const said = element("span", REVIEWS[row.review] ?? "", `said ${row.review}`);
  const size = row.mm === null ? "" : ` · ${row.mm.toFixed(1)} mm`;
  const sure = row.ordinary ? "" : ` · ${percent(row.confidence)}`;
  const when = dayAndTime(row.time) || `${clock(row.start_s, 1)} of ${fileName(row.source)}`;
  const remark = row.note ? ` · “${row.note.slice(0, 200)}”` : "";
  made.append(side, first, said, element("span", `${when}${size}${sure}${remark}`, "second"));
  if (row.review === "rejected") made.classList.add("was-rejected");
  return made;
}
