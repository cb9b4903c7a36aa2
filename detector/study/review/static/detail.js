// The chosen episode in words, what was said of it, and the buttons to say more.

import { settings } from "./api.js";
import { clock, dayAndTime, element, percent, REVIEWS, SIDES, words } from "./words.js";

const short = (value) => (value === null ? "?" : value.toFixed(1));
const at = (id) => document.getElementById(id);

export class Detail {
  // onSay({review, own_kind, note}) with what changed; inTurn(work) does it after all that was begun before
  constructor({ onSay, inTurn }) {
    Object.assign(this, { page: null, onSay, inTurn });
    this.verdicts = [...document.querySelectorAll("[data-review]")];
    for (const button of this.verdicts) {
      button.addEventListener("click", () => this.verdict(button.dataset.review));
    }
    settings.kinds.forEach((kind, k) => {
      const button = element("button", `${words(kind)} `);
      button.type = "button";
      button.dataset.kind = kind;
      button.append(element("kbd", String(k + 1)));
      button.addEventListener("click", () => this.kind(kind));
      at("kinds").append(button);
    });
    const other = element("select");
    other.id = "other-kind";
    other.setAttribute("aria-label", "It is no twitch but");
    other.append(new Option("no twitch but …", ""), ...settings.ordinary.map((kind) => new Option(words(kind), kind)));
    other.addEventListener("change", () => other.value && this.kind(other.value));
    at("kinds").append(other);
    at("note").maxLength = settings.maxNote;
    at("note").addEventListener("change", () => this.#note());
    this.#enable(false);
  }

  #enable(on) {
    for (const one of [...this.verdicts, ...at("kinds").children, at("note")]) one.disabled = !on;
  }

  show(page) {
    const before = this.page;
    this.page = page;
    this.#enable(Boolean(page));
    if (!page) {
      at("episode-name").textContent = "No episode chosen";
      for (const id of ["episode-words", "facts", "history", "history-count"]) at(id).replaceChildren();
      at("note").value = "";
      return;
    }
    const { facts } = page;
    const same = before && before.run === page.run && before.number === page.number;
    at("episode-name").textContent = `${SIDES[facts.side] ?? ""} ${words(page.own_kind || facts.kind)}, ${facts.side}`;
    at("episode-words").textContent = `${facts.episode_id} · ${clock(facts.start_s)} to ${clock(facts.end_s)}`
      + (facts.start_time ? ` · ${dayAndTime(facts.start_time)}` : "");
    for (const button of this.verdicts) button.setAttribute("aria-pressed", String(button.dataset.review === page.review));
    for (const button of at("kinds").querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.kind === page.own_kind));
    }
    at("other-kind").value = settings.ordinary.includes(page.own_kind) ? page.own_kind : "";
    if (!same || document.activeElement !== at("note")) at("note").value = page.note;
    this.#facts(facts);
    this.#history(page.history);
  }

  #facts(facts) {
    const rhythm = facts.rate_hz === null ? "" : `, ${facts.rate_hz.toFixed(1)} per s`;
    const pairs = [
      ["kind", words(facts.kind)],
      ["why", facts.evidence || "-"],
      ["sure", percent(facts.confidence)],
      ["twitches", `${facts.twitch_count}${rhythm}`],
      ["size", `up to ${short(facts.peak_mm)} mm (${short(facts.peak_px)} px), ${short(facts.snr)} times the noise`],
      ["areas", facts.regions.map(words).join(", ")],
      ["moved with it", words(facts.co_movement) || "nothing else"],
      ["clip", facts.source],
    ];
    at("facts").replaceChildren(...pairs.flatMap(([name, text]) => [element("dt", name), element("dd", text)]));
  }

  #history(history) {
    at("history-count").textContent = history.length ? `(${history.length})` : "(none)";
    at("history").replaceChildren(...history.map((said) => {
      const parts = [
        REVIEWS[said.review] ?? "not reviewed", said.own_kind && words(said.own_kind), said.note && `“${said.note}”`,
      ].filter(Boolean);
      return element("li", `${dayAndTime(said.made)} ${said.reviewer}: ${parts.join(", ")}`);
    }));
  }

  // Said again, a review is taken back.
  verdict(review) {
    this.inTurn(() => this.page && this.onSay({ review: this.page.review === review ? "" : review }));
  }

  // Said again, the kind is again that of the program. A twitch of another kind is one, and a blink is none.
  kind(kind) {
    const review = settings.ordinary.includes(kind) ? "rejected" : "confirmed";
    this.inTurn(() => this.page && this.onSay(this.page.own_kind === kind ? { own_kind: "" } : { own_kind: kind, review }));
  }

  #note() {
    if (this.page && at("note").value.trim() !== this.page.note) this.onSay({ note: at("note").value });
  }
}
