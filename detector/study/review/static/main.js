// The review page: one chosen episode, shown in the list, on the timeline, as a clip and in words.

import * as api from "./api.js";
import { Detail } from "./detail.js";
import { Filters } from "./filters.js";
import { List } from "./list.js";
import { legend, readColors } from "./marks.js";
import { Player } from "./player.js";
import { Timeline } from "./timeline.js";
import { clock, day, dayAndTime, element, fileName } from "./words.js";

const at = (id) => document.getElementById(id);
const state = { rows: [], sessions: new Map(), chosen: null, run: null, loaded: 0, undo: [],
  turn: Promise.resolve(), choosing: Promise.resolve() };
const STALE_MS = 10000; // a list this old is asked for again when one comes back to the page

function trouble(error) {
  at("trouble").textContent = error ? error.message : "";
  at("trouble").hidden = !error;
}

readColors();
legend(at("legend"));
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readColors(); legend(at("legend")); });

const list = new List(at("list"), at("list-space"), choose);
const filters = new Filters(() => { refilter(); firstIfNone(); });
const timeline = new Timeline(at("timeline"), at("readout"), { onChoose: choose, onSeek: (t) => player.seek(t), onTrouble: trouble });
const player = new Player({
  video: at("video"), sorry: at("no-video"), replayButton: at("replay"), position: at("position"), playWord: at("play-word"),
  onTime: (t) => { timeline.playing = t; timeline.draw(); },
  onTrouble: trouble,
});
const detail = new Detail({ onSay: (what) => say(what, state.chosen), inTurn });

// What is said waits until the episode is shown and what was said before is kept, however fast the keys are.
function inTurn(work) {
  state.turn = state.turn.then(async () => {
    await state.choosing;
    await work();
  });
}

async function load() {
  const found = await api.list();
  state.loaded = Date.now();
  state.sessions = new Map(found.sessions.map((one) => [one.run, one]));
  state.rows = found.episodes.map((values) => {
    const row = Object.fromEntries(found.columns.map((name, k) => [name, values[k]]));
    const time = Date.parse(row.time);
    row.source = state.sessions.get(row.run)?.source ?? "";
    row.at = Number.isNaN(time) ? row.run * 1e7 + row.start_s : time; // those of unknown time come first, as they are
    row.day = day(row.time);
    row.search = `${row.id} ${row.source} ${row.region} ${row.own_kind} ${row.kind}`.toLowerCase();
    return row;
  });
  filters.sessions(found.sessions);
  const before = state.chosen;
  state.chosen = before ? state.rows.find((row) => row.run === before.run && row.number === before.number) ?? null : null;
  refilter();
}

function refilter() {
  const rows = filters.of(state.rows, state.chosen);
  list.show(rows, state.chosen);
  at("nothing").hidden = rows.length > 0;
  at("nothing").textContent = state.rows.length ? "No episode passes the filter." : "The log holds no episode yet.";
  const twitches = state.rows.filter((row) => !row.ordinary);
  const done = twitches.filter((row) => row.review).length;
  at("progress").textContent = `${done} of ${twitches.length} reviewed, ${rows.length} listed`;
  timeline.update(rowsOfRun(), state.chosen);
}

const rowsOfRun = () => state.rows.filter((row) => row.run === state.run && (!row.ordinary || at("f-ordinary").checked || row === state.chosen));

function firstIfNone() {
  if (list.place() < 0 || !state.chosen) choose(list.rows[0] ?? null);
}

function choose(row) {
  if (row) state.choosing = show(row);
  return state.choosing;
}

async function show(row) {
  at("note").blur(); // keeps a note that is being written
  state.chosen = row;
  refilterIfLeft();
  list.choose(row);
  location.replace(`#${row.run}.${row.number}`);
  const other = row.run !== state.run;
  state.run = row.run;
  player.open(row);
  try {
    const wanted = [api.episode(row.run, row.number), other ? api.session(row.run) : null];
    const [page, session] = await Promise.all(wanted);
    if (state.chosen !== row) return;
    detail.show(page);
    if (session) showSession(row.run, session);
    timeline.update(rowsOfRun(), row);
    timeline.bring(row);
    trouble(null);
  } catch (error) {
    if (state.chosen === row) {
      if (other) state.run = null; // ask for it again next time
      trouble(error);
    }
  }
}

// The chosen row stays in the list although it no longer passes; once left, it goes.
function refilterIfLeft() {
  if (state.dirty) {
    state.dirty = false;
    refilter();
  }
}

function showSession(run, session) {
  const meta = state.sessions.get(run) ?? { run, source: "", duration_s: 0, signals: false, time: "" };
  at("session-name").replaceChildren(
    fileName(meta.source),
    element("span", [
      "", dayAndTime(meta.time), `observed ${clock(meta.observed_s, 0)} of ${clock(meta.duration_s, 0)}`,
      session.threshold === null ? "" : `threshold ${session.threshold} (${session.sensitivity})`,
      meta.signals ? "" : "no signals: name them with --signals to see the score",
    ].filter((text, k) => text || !k).join(" · "), "muted"),
  );
  timeline.setSession(meta, session, rowsOfRun());
}

function step(by) {
  const place = list.place();
  const next = place < 0 ? 0 : place + by;
  if (next >= 0 && next < list.rows.length) choose(list.rows[next]);
}

async function say(what, row, isUndo = false) {
  if (!row) return;
  const { page: shown } = detail;
  const note = shown && shown.run === row.run && shown.number === row.number ? shown.note : row.note;
  const before = { review: row.review, own_kind: row.own_kind, note };
  const place = list.place();
  try {
    const page = await api.say(row.run, row.number, what);
    Object.assign(row, { review: page.review, own_kind: page.own_kind, note: page.facts.note });
    if (!isUndo) state.undo.push({ row, before });
    trouble(null);
    if (state.chosen === row) detail.show(page);
    state.dirty = true;
    const rows = list.rows;
    refilter();
    if (state.chosen === row && what.review && !isUndo && at("go-on").checked && place + 1 < rows.length) {
      await choose(rows[place + 1]);
    }
  } catch (error) {
    trouble(error);
  }
}

async function undo() {
  const last = state.undo.pop();
  if (!last) return;
  await choose(last.row);
  await say(last.before, last.row, true);
}

const KEYS = [
  ["j ↓", "next episode"], ["k ↑", "episode before"], ["c", "confirm"], ["r", "reject"], ["u", "unsure"],
  [`1-${api.settings.kinds.length}`, "it is of another kind, in the order of the buttons"], ["n", "note (Esc leaves it)"],
  ["z", "take back what was said last"], ["space", "play, pause"], ["s", "slower, and normal again"],
  [", .", "a frame back, a frame on"], ["f", "clip as large as the screen"],
  ...(api.settings.replays ? [["m", "magnified replay"]] : []),
  ["/", "filter"], ["t", "to the timeline: ← → move, + - zoom"], ["e", "zoom to the episode"], ["0", "whole session"],
  ["?", "these keys"],
];
at("keys").append(...KEYS.flatMap(([key, text]) => {
  const name = element("dt");
  name.append(element("kbd", key));
  return [name, element("dd", text)];
}));

function slower() {
  const speeds = at("speed");
  speeds.selectedIndex = (speeds.selectedIndex + 1) % speeds.length;
  player.setRate(Number(speeds.value));
}

const zoomEpisode = () => state.chosen && timeline.around(state.chosen);
const does = {
  j: () => step(1), ArrowDown: () => step(1), k: () => step(-1), ArrowUp: () => step(-1),
  PageDown: () => step(Math.min(10, Math.max(list.rows.length - 1 - list.place(), 0))),
  PageUp: () => step(-Math.min(10, Math.max(list.place(), 0))),
  Home: () => choose(list.rows[0]), End: () => choose(list.rows.at(-1)),
  c: () => detail.verdict("confirmed"), r: () => detail.verdict("rejected"), u: () => detail.verdict("unsure"),
  n: () => at("note").focus(), z: () => inTurn(undo), " ": () => player.toggle(), s: slower, f: () => player.large(),
  ",": () => player.step(-1), ".": () => player.step(1), m: () => player.showReplay(),
  "/": () => filters.focus(), t: () => at("timeline").focus(), e: zoomEpisode, 0: () => timeline.whole(),
  "+": () => timeline.zoom(0.5), "=": () => timeline.zoom(0.5), "-": () => timeline.zoom(2), "?": () => at("help").showModal(),
};
api.settings.kinds.forEach((kind, k) => { does[k + 1] = () => detail.kind(kind); });

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || at("help").open) return;
  const where = event.target;
  const writing = where.matches("textarea, select, input:not([type=checkbox], [type=range])");
  if (writing) {
    if (event.key === "Escape" || (event.key === "Enter" && where.matches("input[type=search]"))) {
      where.blur();
      at("list").focus({ preventScroll: true });
    }
    return;
  }
  if (event.repeat && "cruz12345nmf?".includes(event.key)) return; // one press, one judgment
  if (/^(Arrow|Page|Home|End)/.test(event.key) && where.matches("input[type=range]")) return;
  if (event.key === " " && where.matches("button, summary, input[type=checkbox]")) return; // they have their own use for it
  const work = does[event.key];
  if (work) {
    event.preventDefault();
    work();
  }
});

at("help-button").addEventListener("click", () => at("help").showModal());
at("help-close").addEventListener("click", () => at("help").close());
at("play").addEventListener("click", () => player.toggle());
at("wide").addEventListener("click", () => player.large());
at("replay").addEventListener("click", () => player.showReplay());
at("speed").addEventListener("change", () => player.setRate(Number(at("speed").value)));
at("zoom-in").addEventListener("click", () => timeline.zoom(0.5));
at("zoom-out").addEventListener("click", () => timeline.zoom(2));
at("zoom-all").addEventListener("click", () => timeline.whole());
at("zoom-episode").addEventListener("click", zoomEpisode);
at("quit-button").addEventListener("click", async () => {
  try {
    await api.quit();
    player.close();
    trouble(new Error("nasalis review has ended; what you said is in the log. You can close this tab."));
  } catch (error) {
    trouble(error);
  }
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && Date.now() - state.loaded > STALE_MS) load().catch(trouble);
});

if (window.matchMedia("(max-width: 760px)").matches) at("filters").open = at("legend-part").open = false;
try {
  await load();
  const [run, number] = location.hash.slice(1).split(".").map(Number);
  const wanted = state.rows.find((row) => row.run === run && row.number === number);
  await choose(wanted ?? list.rows[0]);
  list.choose(state.chosen);
  at("list").focus({ preventScroll: true });
} catch (error) {
  trouble(error);
}
document.documentElement.dataset.ready = "true";
