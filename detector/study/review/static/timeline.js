// The timeline of one session: what was measured, what was found and what almost was, zoomable from hours to frames.

import * as api from "./api.js";
import { colorOf, colors, cross, disc, hatched, pin, readColors, shape } from "./marks.js";
import { Gestures } from "./gestures.js";
import { clock, known, SIDES, words } from "./words.js";

const LANES = ["left", "right", "midline"];
const STRIP = 20; // px above the lanes: felt markers, and whether the face was observed
const AXIS = 18; // px below
const HEAD = 14; // px of a lane: its name, and the shapes of the episodes
const SHOWN = 2.5; // thresholds that fit into a lane, as in the live window
const SHORTEST_S = 0.5;
const JOINED_S = 0.25; // samples farther apart are not joined by a line: the measuring starts anew there
const STEPS = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800];
const PATIENCE_MS = 60; // after the last movement the traces are asked for

const clamp = (value, low, high) => Math.max(low, Math.min(high, value));
const lanesOf = (side) => (side === "both" ? ["left", "right"] : [LANES.includes(side) ? side : "midline"]);

export class Timeline {
  // onChoose(row) an episode was clicked, onSeek(t_s) another place was, onTrouble(error)
  constructor(canvas, readout, { onChoose, onSeek, onTrouble }) {
    Object.assign(this, { canvas, readout, onChoose, onSeek, onTrouble });
    this.ctx = canvas.getContext("2d");
    this.meta = null;
    this.data = null; // marks, gaps, felt, minutes, threshold
    this.episodes = [];
    this.chosen = null;
    this.playing = null; // s
    this.view = [0, 1];
    this.length = 1; // s, of the session
    this.traces = null;
    this.width = canvas.clientWidth; // asked for once: each look at it makes the browser lay out the page
    new ResizeObserver(() => { this.width = canvas.clientWidth; this.draw(); this.#ask(); }).observe(canvas);
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readColors(); this.draw(); });
    new Gestures(canvas, this);
  }

  setSession(meta, data, episodes) {
    Object.assign(this, { meta, data, episodes, traces: null, missed: null });
    this.#measure();
    this.whole();
  }

  update(episodes, chosen) {
    Object.assign(this, { episodes, chosen });
    this.missed = null;
    this.#measure();
    this.draw();
  }

  // A session that is going on, or whose program died, has no length yet: then it is as long as what was found in it.
  #measure() {
    const last = this.episodes.reduce((end, row) => Math.max(end, row.end_s), 0);
    this.length = Math.max(this.meta?.duration_s ?? 0, last, 1);
  }

  whole() { this.show(0, this.length); }

  // The episode with room round it.
  around(row) {
    const room = Math.max(2 * (row.end_s - row.start_s), 4);
    this.show(row.start_s - room, row.end_s + room);
  }

  // Bring an episode into sight without changing how far is zoomed.
  bring(row) {
    const [from, to] = this.view;
    if (row.start_s < from || row.end_s > to) {
      const half = (to - from) / 2;
      const middle = (row.start_s + row.end_s) / 2;
      this.show(middle - half, middle + half);
    } else this.draw();
  }

  show(from, to) {
    const span = clamp(to - from, Math.min(SHORTEST_S, this.length), this.length);
    const begin = clamp((from + to - span) / 2, 0, this.length - span);
    this.view = [begin, begin + span];
    this.draw();
    this.#ask();
  }

  zoom(factor, at = (this.view[0] + this.view[1]) / 2) {
    const [from, to] = this.view;
    const span = clamp((to - from) * factor, Math.min(SHORTEST_S, this.length), this.length);
    const share = (at - from) / (to - from);
    this.show(at - share * span, at + (1 - share) * span);
  }

  pan(seconds) { this.show(this.view[0] + seconds, this.view[1] + seconds); }

  x(t) { return ((t - this.view[0]) / (this.view[1] - this.view[0])) * this.width; }
  t(x) { return this.view[0] + (x / this.width) * (this.view[1] - this.view[0]); }

  #ask() {
    clearTimeout(this.waiting);
    this.asked?.abort();
    if (!this.meta?.signals || !this.width) return;
    this.waiting = setTimeout(async () => {
      this.asked = new AbortController();
      const { run } = this.meta;
      try {
        const found = await api.traces(run, ...this.view, clamp(Math.round(this.width), 1, 4000), this.asked.signal);
        if (this.meta.run === run) {
          Object.assign(this, { traces: found, missed: null });
          this.draw();
        }
      } catch (error) {
        if (error.name !== "AbortError") this.onTrouble(error);
      }
    }, PATIENCE_MS);
  }

  draw() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = null;
      this.#draw();
    });
  }

  #draw() {
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [this.width, this.canvas.clientHeight];
    if (!width || !height) return;
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
    }
    const { ctx } = this;
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, width, height);
    this.lane = (height - STRIP - AXIS) / LANES.length;
    this.bottom = Object.fromEntries(LANES.map((side, k) => [side, STRIP + (k + 1) * this.lane - 2]));
    this.#grid(width, height);
    if (!this.meta || !this.data) return;
    const top = Math.max(...this.data.marks.slice(0, 5000).map((mark) => mark[1] ?? 0), 1);
    this.full = this.data.threshold === null ? top : SHOWN * this.data.threshold;
    this.shown = this.episodes.filter((row) => row.end_s >= this.view[0] && row.start_s <= this.view[1]);
    this.#bands();
    this.#traces(width);
    this.#threshold(width);
    this.#marks();
    this.#strip(width, height);
    this.#shapes();
    this.#names();
    if (this.playing !== null) {
      ctx.fillStyle = colors.ink;
      ctx.fillRect(this.x(this.playing) - 0.75, 0, 1.5, height - AXIS);
    }
    this.#label();
  }

  y(side, score) { return this.bottom[side] - (clamp(score, 0, this.full) / this.full) * (this.lane - HEAD - 2); }

  #grid(width, height) {
    const { ctx } = this;
    const span = this.view[1] - this.view[0];
    const step = STEPS.find((one) => (one / span) * width >= 76) ?? 86400;
    ctx.font = "11px system-ui, sans-serif";
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    for (let k = Math.ceil(this.view[0] / step); k * step <= this.view[1]; k += 1) {
      const x = this.x(k * step);
      ctx.fillStyle = colors.grid;
      ctx.fillRect(x - 0.5, STRIP, 1, height - STRIP - AXIS);
      ctx.fillStyle = colors.muted;
      const text = clock(k * step, step < 0.1 ? 2 : step < 1 ? 1 : 0);
      if (x > 20 && x < width - 20) ctx.fillText(text, x, height - AXIS / 2);
    }
    for (const side of LANES) {
      ctx.fillStyle = colors.rule;
      ctx.fillRect(0, this.bottom[side], width, 1);
    }
  }

  // Above all else, as they say which lane is which.
  #names() {
    const { ctx } = this;
    ctx.textAlign = "left";
    for (const side of LANES) {
      const text = `${SIDES[side]} ${side}`;
      const y = this.bottom[side] - this.lane + 3;
      ctx.fillStyle = colors.paper;
      ctx.fillRect(0, y, ctx.measureText(text).width + 6, HEAD - 1);
      ctx.fillStyle = colors.muted;
      ctx.fillText(text, 3, y + 8);
    }
  }

  #bands() {
    const { ctx } = this;
    const done = {}; // where the bands drawn so far end: of thousands, most lie on one another
    for (const row of this.shown) {
      const x = this.x(row.start_s);
      const width = Math.max(this.x(row.end_s) - x, 2);
      for (const side of lanesOf(row.side)) {
        if (x + width < (done[side] ?? -99) + 0.5) continue;
        done[side] = x + width;
        ctx.fillStyle = colorOf(row.side, true);
        ctx.globalAlpha = row.ordinary || row.review === "rejected" ? 0.35 : 1;
        ctx.fillRect(x, this.bottom[side] - this.lane + 3, width, this.lane - 3);
      }
    }
    ctx.globalAlpha = 1;
    if (this.chosen && this.chosen.run === this.meta.run) {
      const x = this.x(this.chosen.start_s);
      ctx.strokeStyle = colors.accent;
      ctx.lineWidth = 2;
      ctx.strokeRect(x - 3, STRIP + 1, Math.max(this.x(this.chosen.end_s) - x, 2) + 6, 3 * this.lane - 3);
    }
  }

  #traces(width) {
    const { ctx, traces } = this;
    if (!traces) return;
    for (const side of LANES) {
      const [low, high] = traces.sides[side];
      const each = (traces.to - traces.from) / low.length;
      const apart = Math.max(JOINED_S, 2 * each);
      ctx.fillStyle = ctx.strokeStyle = colorOf(side);
      ctx.lineWidth = 1;
      ctx.beginPath();
      let last = null;
      for (let k = 0; k < low.length; k += 1) {
        if (high[k] === null) continue;
        const t = traces.from + (k + 0.5) * each;
        const x = this.x(t);
        if (x >= -2 && x <= width + 2) {
          if (last !== null && t - last <= apart) ctx.lineTo(x, this.y(side, high[k]));
          else ctx.moveTo(x, this.y(side, high[k]));
          if (high[k] > low[k]) ctx.lineTo(x, this.y(side, low[k]));
        }
        last = t;
      }
      ctx.stroke();
    }
  }

  #threshold(width) {
    const { ctx } = this;
    if (this.data.threshold === null) return;
    ctx.strokeStyle = colors.ink;
    ctx.lineWidth = 1;
    ctx.setLineDash([5, 4]);
    for (const side of LANES) {
      const y = Math.round(this.y(side, this.data.threshold)) + 0.5;
      ctx.beginPath();
      ctx.moveTo(0, y);
      ctx.lineTo(width, y);
      ctx.stroke();
    }
    ctx.setLineDash([]);
  }

  #marks() {
    const { ctx } = this;
    const seen = new Set(); // one mark for each few pixels is enough
    for (const [t, score, side, kept] of this.data.marks) {
      if (t < this.view[0] || t > this.view[1]) continue;
      for (const lane of lanesOf(side)) {
        const [x, y] = [this.x(t), this.y(lane, score ?? 0)];
        const key = (Math.round(x / 2) * 4096 + Math.round(y / 3)) * 2 + kept; // lanes differ in y
        if (seen.has(key)) continue;
        seen.add(key);
        ctx.fillStyle = ctx.strokeStyle = kept ? colorOf(lane) : colors.muted;
        ctx.lineWidth = 1;
        if (!this.traces) ctx.fillRect(x - 0.5, y, 1, this.bottom[lane] - y);
        ctx.fillStyle = ctx.strokeStyle = kept ? colors.ink : colors.muted;
        disc(ctx, x, y, kept ? 2.5 : 3, Boolean(kept));
      }
    }
    ctx.strokeStyle = colors.notice;
    ctx.lineWidth = 1.5;
    for (const [t, score, side] of this.#near()) cross(ctx, this.x(t), this.y(side, score), 3);
  }

  // Near misses, but for jerks of a train that was found; worked out once, as there may be thousands of episodes.
  #near() {
    if (this.missed) return this.missed;
    const spans = this.episodes.filter((row) => !row.ordinary).map((row) => [row.start_s - 0.3, row.end_s + 0.3]);
    spans.sort((a, b) => a[0] - b[0]);
    let k = 0;
    let end = -Infinity; // of the spans that began by then
    this.missed = (this.traces?.near ?? []).filter(([t]) => {
      for (; k < spans.length && spans[k][0] <= t; k += 1) end = Math.max(end, spans[k][1]);
      return t > end;
    });
    return this.missed;
  }

  #strip(width, height) {
    const { ctx } = this;
    const bar = (from, to, share) => {
      ctx.globalAlpha = share;
      ctx.fillRect(this.x(from), STRIP - 6, Math.max(this.x(to) - this.x(from), 0.5), 4);
    };
    ctx.fillStyle = colors.muted;
    if (this.traces) {
      const { from, to, observed } = this.traces;
      const each = (to - from) / observed.length;
      observed.forEach((share, k) => { if (share) bar(from + k * each, from + (k + 1) * each, share); });
    } else {
      this.data.minutes.forEach((seconds, k) => {
        const end = Math.min(60 * (k + 1), this.length);
        if (seconds) bar(60 * k, end, clamp(seconds / Math.max(end - 60 * k, 1), 0, 1));
      });
    }
    ctx.globalAlpha = 1;
    for (const [from, to] of this.data.gaps) {
      const x = this.x(from);
      if (to >= this.view[0] && from <= this.view[1]) {
        hatched(ctx, x, STRIP, Math.max(this.x(to) - x, 2), height - STRIP - AXIS, colors.hatch);
      }
    }
    ctx.fillStyle = colors.accent;
    for (const [t] of this.data.felt) if (t >= this.view[0] && t <= this.view[1]) pin(ctx, this.x(t), 2);
  }

  #shapes() {
    const { ctx } = this;
    const last = {};
    for (const row of this.shown) {
      const x = clamp(this.x((row.start_s + row.end_s) / 2), 5, this.width - 5);
      for (const lane of lanesOf(row.side)) {
        if (row !== this.chosen && x - (last[lane] ?? -99) < 9) continue; // the band still shows it
        last[lane] = x;
        ctx.fillStyle = ctx.strokeStyle = colorOf(row.side);
        ctx.lineWidth = 1.5;
        shape(ctx, row.side, x, this.bottom[lane] - this.lane + 9, 4.5);
        if (row.review === "rejected" || row.ordinary) ctx.stroke();
        else ctx.fill();
      }
    }
  }

  #label() {
    const parts = [
      `Timeline of ${this.meta.source} from ${clock(this.view[0], 1)} to ${clock(this.view[1], 1)}`,
      `${this.shown.length} episodes`, `${this.data.felt.length} felt markers`, `${this.data.gaps.length} times without pictures`,
      `${this.#near().length} near misses`,
    ];
    const text = parts.join(", ");
    if (this.canvas.getAttribute("aria-label") !== text) this.canvas.setAttribute("aria-label", text);
  }

  // What lies at a place: an episode, a mark, or nothing.
  at(x, y) {
    if (!this.meta || !this.data || !this.shown) return null;
    const t = this.t(x);
    const reach = Math.abs(this.t(x + 7) - t);
    const lane = LANES.find((side) => y <= this.bottom[side]) ?? "midline";
    const felt = this.data.felt.find(([at]) => y < STRIP && Math.abs(at - t) < reach);
    if (felt) return { words: `felt at ${clock(felt[0])}${felt[1] ? `: ${felt[1]}` : ""}` };
    const near = this.#near().find(([at, score, side]) => side === lane && Math.abs(at - t) < reach && Math.abs(this.y(side, score) - y) < 9);
    if (near) return { words: `near miss at ${clock(near[0])}: score ${near[1]}, threshold ${this.data.threshold}, ${near[2]}` };
    const over = (row) => lanesOf(row.side).includes(lane) && t >= row.start_s - reach && t <= row.end_s + reach;
    const mark = this.data.marks.find(([at, score, side]) => lanesOf(side).includes(lane) && Math.abs(at - t) < reach && Math.abs(this.y(lane, score ?? 0) - y) < 8);
    const row = this.shown.find(over);
    if (mark) {
      const [at, score, side, kept, mm, why] = mark;
      const text = `${kept ? "twitch" : "not kept"} at ${clock(at)}: ${known(mm, " mm")}, score ${known(score)}, ${side}${why ? ` (${why})` : ""}`;
      return { words: text, row };
    }
    if (row) return { words: `${words(row.own_kind || row.kind)}, ${row.side}, ${clock(row.start_s)} to ${clock(row.end_s)}`, row };
    const gap = this.data.gaps.find(([from, to]) => t >= from && t <= to);
    return gap ? { words: `no pictures from ${clock(gap[0], 1)} to ${clock(gap[1], 1)}: ${gap[2]}` } : null;
  }
}
