// Mouse, wheel, fingers and keys on the timeline.

import { clock } from "./words.js";

const SLOP = 4; // px a finger may move in a tap

export class Gestures {
  constructor(canvas, line) {
    Object.assign(this, { canvas, line, down: new Map(), moved: false });
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", (event) => this.down.delete(event.pointerId));
    canvas.addEventListener("pointerleave", () => { line.readout.textContent = ""; });
    canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  #wheel(event) {
    event.preventDefault();
    const { line } = this;
    const each = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
    const span = line.view[1] - line.view[0];
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      line.pan((((event.deltaX || event.deltaY) * each) / line.width) * span);
    } else line.zoom(Math.exp(event.deltaY * each * 0.002), line.t(event.offsetX));
  }

  #down(event) {
    this.canvas.setPointerCapture(event.pointerId);
    if (!this.down.size) this.moved = false;
    this.down.set(event.pointerId, { x: event.offsetX, first: event.offsetX });
  }

  #move(event) {
    const { line } = this;
    const held = this.down.get(event.pointerId);
    if (!held) {
      line.readout.textContent = line.at(event.offsetX, event.offsetY)?.words ?? clock(line.t(event.offsetX));
      return;
    }
    const before = held.x;
    if (Math.abs(event.offsetX - held.first) > SLOP) this.moved = true;
    if (!this.moved) return;
    const others = [...this.down].filter(([id]) => id !== event.pointerId).map(([, one]) => one.x);
    held.x = event.offsetX;
    if (!others.length) line.pan(line.t(before) - line.t(event.offsetX));
    else {
      const wide = Math.max(Math.abs(before - others[0]), 10);
      line.zoom(wide / Math.max(Math.abs(event.offsetX - others[0]), 10), line.t((event.offsetX + others[0]) / 2));
    }
  }

  #up(event) {
    this.down.delete(event.pointerId);
    if (this.moved || this.down.size) return;
    const found = this.line.at(event.offsetX, event.offsetY);
    if (found) this.line.readout.textContent = found.words;
    if (found?.row) this.line.onChoose(found.row);
    else this.line.onSeek(this.line.t(event.offsetX));
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { line } = this;
    const step = (line.view[1] - line.view[0]) / 10;
    const does = {
      ArrowLeft: () => line.pan(-step), ArrowRight: () => line.pan(step), Home: () => line.pan(-line.length),
      End: () => line.pan(line.length), PageUp: () => line.pan(-9 * step), PageDown: () => line.pan(9 * step),
    }[event.key];
    if (does) {
      event.preventDefault();
      event.stopPropagation();
      does();
    }
  }
}
