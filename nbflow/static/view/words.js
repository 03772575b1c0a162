// What is written as text: what a notebook says, made safe, and numbers and times as nbflow says them everywhere
// (nbflow/render/words.py).

const LONGEST = 20_000;

// eslint-disable-next-line no-control-regex
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[PX^_][^\u001b]*(?:\u001b\\)?|[ -/]*[0-~])/gu;
// What moves, hides or reverses text: C0, C1, marks of direction, lone surrogates.
// eslint-disable-next-line no-control-regex
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]/gu;
const SIGN = "\ufffd";

/** One line of text from a notebook, without what could pass itself off for something else. @param {unknown} text */
export function clean(text) {
  return short(String(text ?? ""), 2_000).replace(ESCAPES, SIGN).replace(/[\r\n\t]+/g, " ").replace(UNSAFE, SIGN);
}

/** Several lines, without the colours of a terminal. @param {string} text */
export function cleanBlock(text) {
  return short(text.replace(/\r\n/g, "\n").replace(ESCAPES, ""), LONGEST).replace(UNSAFE, SIGN);
}

/** Its beginning and its end, where it is too long to draw. @param {string} text @param {number} most */
function short(text, most) {
  if (text.length <= most) return text;
  const half = most / 2;
  return `${text.slice(0, half)} … ${text.length - most} characters left out … ${text.slice(-half)}`;
}

/** `0.4 s`, `12 s`, `3 min 20 s`, `1 h 5 min`; as nbflow's `render.words.duration`. @param {number | null} seconds */
export function duration(seconds) {
  if (seconds === null) return "";
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** `12 kB`, `3.4 MB`; as nbflow's `render.words.size`. @param {number | null} number */
export function size(number) {
  if (number === null) return "";
  for (const unit of ["B", "kB", "MB", "GB"]) {
    if (number < 999.5) return `${unit === "B" || number >= 9.95 ? number.toFixed(0) : number.toFixed(1)} ${unit}`;
    number /= 1000;
  }
  return `${number.toFixed(1)} TB`;
}

/** The time of day where the reader is. @param {string | null} moment */
export function clock(moment) {
  return moment === null ? "" : new Date(moment).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

/** @param {string | null} moment */
export function dayAndClock(moment) {
  return moment === null ? "" : `${new Date(moment).toLocaleDateString([], { dateStyle: "medium" })}, ${clock(moment)}`;
}

/** @param {number} number @param {string} noun */
export function count(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** Seconds since the epoch. @param {string} moment */
export function seconds(moment) {
  return Date.parse(moment) / 1000;
}
