// Which episodes are wanted, and in which order. Kept for as long as the tab is open.

import { settings } from "./api.js";
import { day, element, fileName, percent, words } from "./words.js";

const KEPT = "nasalis-filters";
const FIELDS = ["text", "review", "kind", "side", "session", "from", "to", "sure", "most", "order", "ordinary"];
const field = (name) => document.getElementById(`f-${name}`);
const ORDERS = {
  time: (a, b) => a.at - b.at,
  newest: (a, b) => b.at - a.at,
  unsure: (a, b) => (a.confidence ?? 0) - (b.confidence ?? 0) || a.at - b.at,
  size: (a, b) => (b.mm ?? 0) - (a.mm ?? 0) || a.at - b.at,
};

function options(select, pairs) {
  const before = select.value;
  select.replaceChildren(
    ...pairs.map(([value, text]) => {
      const made = element("option", text);
      made.value = value;
      return made;
    }),
  );
  if (pairs.some(([value]) => value === before)) select.value = before;
}

export class Filters {
  constructor(onChange) {
    options(field("review"), [
      ["", "any"], ["none", "not reviewed"], ["confirmed", "confirmed"], ["rejected", "rejected"], ["unsure", "unsure"],
    ]);
    options(field("side"), [["", "any"], ...["left", "right", "both", "midline"].map((side) => [side, side])]);
    options(field("kind"), [["", "any"], ...[...settings.kinds, ...settings.ordinary].map((kind) => [kind, words(kind)])]);
    for (const name of FIELDS) {
      field(name).addEventListener("input", () => {
        this.#words();
        this.#keep();
        onChange();
      });
    }
    document.getElementById("f-clear").addEventListener("click", () => {
      this.clear();
      onChange();
    });
  }

  sessions(sessions) {
    options(field("session"), [
      ["", "any"],
      ...sessions.map((one) => [String(one.run), `${day(one.time)} ${fileName(one.source)} (${one.id.slice(0, 6)})`.trim()]),
    ]);
    this.#restore();
    this.#words();
  }

  clear() {
    for (const name of FIELDS) {
      const one = field(name);
      if (one.type === "checkbox") one.checked = false;
      else one.value = { sure: "0", most: "100", order: "time" }[name] ?? "";
    }
    this.#words();
    this.#keep();
  }

  focus() {
    document.getElementById("filters").open = true;
    field("text").focus();
    field("text").select();
  }

  // The rows that pass, in the order asked for; the chosen one stays until it is left.
  of(rows, chosen) {
    const value = Object.fromEntries(FIELDS.map((name) => [name, field(name).value]));
    const text = value.text.trim().toLowerCase();
    const [least, most] = [Number(value.sure) / 100, Number(value.most) / 100];
    const ordinary = field("ordinary").checked || settings.ordinary.includes(value.kind);
    const passes = (row) =>
      (ordinary || !row.ordinary) &&
      (value.review === "" || row.review === (value.review === "none" ? "" : value.review)) &&
      (value.kind === "" || (row.own_kind || row.kind) === value.kind) &&
      (value.side === "" || row.side === value.side) &&
      (value.session === "" || row.run === Number(value.session)) &&
      (value.from === "" || (row.day !== "" && row.day >= value.from)) &&
      (value.to === "" || (row.day !== "" && row.day <= value.to)) &&
      (row.ordinary || ((least === 0 || row.confidence >= least) && (most === 1 || (row.confidence ?? 0) <= most))) &&
      (text === "" || row.search.includes(text) || row.note.toLowerCase().includes(text));
    return rows.filter((row) => row === chosen || passes(row)).sort(ORDERS[value.order]);
  }

  #words() {
    field("sure-words").textContent = percent(Number(field("sure").value) / 100);
    field("most-words").textContent = percent(Number(field("most").value) / 100);
    const set = FIELDS.filter((name) => {
      const one = field(name);
      if (name === "order") return false;
      return one.type === "checkbox" ? one.checked : one.value !== ({ sure: "0", most: "100" }[name] ?? "");
    });
    document.getElementById("filter-words").textContent = set.length ? `${set.length} set` : "";
  }

  #keep() {
    const all = FIELDS.map((name) => (field(name).type === "checkbox" ? field(name).checked : field(name).value));
    try {
      sessionStorage.setItem(KEPT, JSON.stringify(all));
    } catch {
      // a browser that keeps nothing: the filters are for now only
    }
  }

  #restore() {
    try {
      const all = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
      FIELDS.forEach((name, k) => {
        if (typeof all[k] === "boolean") field(name).checked = all[k];
        else if (typeof all[k] === "string") field(name).value = all[k];
        if (field(name).value === "" && field(name).tagName === "SELECT") field(name).selectedIndex = 0;
      });
    } catch {
      // as above
    }
  }
}
