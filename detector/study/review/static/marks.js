// The shapes of the timeline and its legend: every meaning has a shape besides its color.

import { element } from "./words.js";

export const colors = {};
const NAMES = ["paper", "panel", "ink", "muted", "rule", "grid", "hatch", "left", "left-soft", "right", "right-soft",
  "middle", "middle-soft", "both", "accent", "chosen", "good", "bad", "notice"];

export function readColors() {
  const style = getComputedStyle(document.documentElement);
  for (const name of NAMES) colors[name] = style.getPropertyValue(`--${name}`).trim();
}

export const colorOf = (side, soft = false) => colors[(side === "midline" || side === "both" ? "middle" : side) + (soft ? "-soft" : "")];

// A triangle to the left or right, a diamond for both, a disc for the middle.
export function shape(ctx, side, x, y, size) {
  ctx.beginPath();
  if (side === "midline") ctx.arc(x, y, size, 0, 2 * Math.PI);
  else if (side === "both") {
    ctx.moveTo(x - size, y); ctx.lineTo(x, y - size); ctx.lineTo(x + size, y); ctx.lineTo(x, y + size);
  } else {
    const way = side === "left" ? -1 : 1;
    ctx.moveTo(x + way * size, y); ctx.lineTo(x - way * size, y - size); ctx.lineTo(x - way * size, y + size);
  }
  ctx.closePath();
}

export function cross(ctx, x, y, size) {
  ctx.beginPath();
  ctx.moveTo(x - size, y - size); ctx.lineTo(x + size, y + size);
  ctx.moveTo(x - size, y + size); ctx.lineTo(x + size, y - size);
  ctx.stroke();
}

export function disc(ctx, x, y, size, filled) {
  ctx.beginPath();
  ctx.arc(x, y, size, 0, 2 * Math.PI);
  if (filled) ctx.fill();
  else ctx.stroke();
}

export function pin(ctx, x, y) {
  ctx.beginPath();
  ctx.moveTo(x, y + 9); ctx.lineTo(x - 5, y); ctx.lineTo(x + 5, y);
  ctx.closePath();
  ctx.fill();
}

export function hatched(ctx, x, y, width, height, color) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(x, y, width, height);
  ctx.clip();
  ctx.strokeStyle = color;
  ctx.lineWidth = 1;
  ctx.beginPath();
  // by the place on the screen, so that neighbors join
  const first = Math.floor((x - height) / 6) * 6;
  for (let at = first; at < x + width; at += 6) {
    ctx.moveTo(at, y + height);
    ctx.lineTo(at + height, y);
  }
  ctx.stroke();
  ctx.restore();
}

export function legend(list) {
  const entries = [
    ["left", (c) => { c.fillStyle = colors.left; shape(c, "left", 9, 6, 5); c.fill(); }],
    ["right (the subject's own)", (c) => { c.fillStyle = colors.right; shape(c, "right", 9, 6, 5); c.fill(); }],
    ["both sides", (c) => { c.fillStyle = colors.middle; shape(c, "both", 9, 6, 5); c.fill(); }],
    ["midline", (c) => { c.fillStyle = colors.middle; shape(c, "midline", 9, 6, 4); c.fill(); }],
    ["rejected episode", (c) => { c.strokeStyle = colors.muted; shape(c, "left", 9, 6, 4.5); c.stroke(); }],
    ["threshold", (c) => { c.strokeStyle = colors.ink; c.setLineDash([4, 3]); c.beginPath(); c.moveTo(0, 6); c.lineTo(18, 6); c.stroke(); }],
    ["twitch", (c) => { c.fillStyle = colors.ink; disc(c, 9, 6, 2.5, true); }],
    ["not kept", (c) => { c.strokeStyle = colors.ink; disc(c, 9, 6, 3, false); }],
    ["near miss", (c) => { c.strokeStyle = colors.notice; c.lineWidth = 1.5; cross(c, 9, 6, 3); }],
    ["felt", (c) => { c.fillStyle = colors.accent; pin(c, 9, 2); }],
    ["observed", (c) => { c.fillStyle = colors.muted; c.fillRect(0, 4, 18, 5); }],
    ["no pictures", (c) => hatched(c, 0, 0, 18, 12, colors.hatch)],
  ];
  list.replaceChildren(...entries.map(([text, draw]) => {
    const item = element("li");
    const canvas = document.createElement("canvas");
    const ratio = window.devicePixelRatio || 1;
    canvas.width = 18 * ratio;
    canvas.height = 12 * ratio;
    canvas.setAttribute("aria-hidden", "true");
    const ctx = canvas.getContext("2d");
    ctx.scale(ratio, ratio);
    draw(ctx);
    item.append(canvas, text);
    return item;
  }));
}
