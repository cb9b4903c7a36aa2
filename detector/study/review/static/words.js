// Names, numbers and times as words.

export const SIDES = { left: "◀", right: "▶", both: "◆", midline: "●" };
export const REVIEWS = { confirmed: "✓ confirmed", rejected: "✗ rejected", unsure: "? unsure" };

export const words = (name) => name.replaceAll("_like", "-like").replaceAll("_", " ");
export const known = (value, unit = "") => (value === null || value === undefined ? "unknown" : `${value}${unit}`);
export const percent = (share) => (share === null ? "?" : `${Math.round(100 * share)} %`);

const two = (value) => String(value).padStart(2, "0");

// 75.25 -> 1:15.25
export function clock(seconds, decimals = 2) {
  const scale = 10 ** decimals;
  const whole = Math.round(Math.abs(seconds) * scale);
  const rest = whole % (60 * scale);
  const minutes = Math.floor(whole / (60 * scale));
  const text = (rest / scale).toFixed(decimals).padStart(decimals ? decimals + 3 : 2, "0");
  const sign = seconds < 0 && whole ? "-" : "";
  return minutes >= 60 ? `${sign}${Math.floor(minutes / 60)}:${two(minutes % 60)}:${text}` : `${sign}${minutes}:${text}`;
}

// The day and the time of day where this computer is; empty when the recording does not say.
export function day(iso) {
  const at = new Date(iso);
  return iso === "" || Number.isNaN(at.getTime()) ? "" : `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

export function dayAndTime(iso) {
  const at = new Date(iso);
  return day(iso) && `${day(iso)} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

// The last part of a path or an address.
export const fileName = (source) => source.split(/[\\/]/).filter(Boolean).pop() ?? source;

// An element with a text; the text is never read as HTML.
export function element(tag, text = "", className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}
