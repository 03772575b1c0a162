// The frame of a picture, through which one sees all of it or a part: it fits, zooms, is moved about and goes to a place.
//
// What is in the picture it does not know: whose frame it is says where one looks first.

import { made } from "./elements.js";

/** Pixels, and how small a picture may become, until it is moved about in its frame instead. */
const HIGHEST = 560;
const SMALLEST = 0.55;
/** One that would nearly fit across is made to: cards that are cut off look broken. */
const NARROWEST = 0.4;

/** @typedef {{x: number, y: number, w: number, h: number}} Place where something lies in a picture */

/** Where a window on the picture begins: around a place, within the picture. @param {number} at @param {number} window @param {number} whole */
function along(at, window, whole) {
  return window >= whole ? (whole - window) / 2 : Math.min(Math.max(at - window / 2, 0), whole - window);
}

export class Frame {
  /** @param {() => {x: number, y: number}} middle where one looks first in a picture that is too large */
  constructor(middle) {
    this.middle = middle;
    this.element = made("div", { class: "nbf-graph" });
    this.zooms = made(
      "div", { class: "nbf-zooms" },
      this.zoomButton("−", "Zoom out", 1 / 1.25), this.zoomButton("+", "Zoom in", 1.25), this.zoomButton("⤢", "Fit", 0),
    );
    /** @type {SVGSVGElement | null} */
    this.svg = null;
    this.box = { x: 0, y: 0, w: 1, h: 1 };
    this.whole = { w: 1, h: 1 };
    this.moved = false;
    /** Whether all of it is to be seen, however small. */
    this.wholly = false;
    /** Whether it was moved about by the press that has just ended: what is clicked then was not meant. */
    this.dragged = false;
    this.resized = new ResizeObserver(() => { if (!this.moved) this.fit(); });
    this.resized.observe(this.element);
    this.listen();
  }

  /** @param {string} label @param {string} title @param {number} factor */
  zoomButton(label, title, factor) {
    const button = made("button", { type: "button", class: "nbf-button", "aria-label": title, title }, label);
    button.addEventListener("click", () => {
      if (factor) this.zoom(factor);
      else { this.moved = false; this.wholly = true; this.fit(); }
    });
    return button;
  }

  /** Nothing is to be seen. */
  clear() {
    this.element.replaceChildren();
    this.svg = null;
  }

  /** Another picture. @param {SVGSVGElement} svg @param {{w: number, h: number}} whole its size in pixels */
  put(svg, whole) {
    this.svg = svg;
    this.whole = whole;
  }

  /** Put the picture on the page. */
  show() {
    this.moved = this.wholly = false;
    this.fit(); // before the picture is on the page: a width asked for after that has all of it laid out twice
    if (this.svg) this.element.append(this.svg);
  }

  fit() {
    const wide = this.element.clientWidth;
    if (!this.svg || !wide) return;
    const { w, h } = this.whole;
    const least = wide / w < NARROWEST ? SMALLEST : Math.min(SMALLEST, wide / w);
    const scale = Math.max(Math.min(1, wide / w, HIGHEST / h), least);
    const high = Math.min(h * scale, HIGHEST);
    this.element.style.height = `${Math.round(high)}px`;
    const seen = this.wholly ? Math.min(scale, wide / w, high / h) : scale;
    const box = { w: wide / seen, h: high / seen };
    const to = this.middle();
    this.box = { x: along(to.x, box.w, w), y: along(to.y, box.h, h), ...box };
    this.look();
  }

  look() {
    const { x, y, w, h } = this.box;
    this.svg?.setAttribute("viewBox", [x, y, w, h].map((n) => n.toFixed(1)).join(" "));
  }

  /** @param {number} factor @param {number} [atX] which part of the frame stays where it is, 0 to 1 @param {number} [atY] */
  zoom(factor, atX = 0.5, atY = 0.5) {
    const { x, y, w, h } = this.box;
    const [least, most] = [this.element.clientWidth / 4, 2 * Math.max(this.whole.w, this.element.clientWidth)];
    const next = Math.min(Math.max(w / factor, least), most);
    const ratio = next / w;
    this.box = { x: x + w * (1 - ratio) * atX, y: y + h * (1 - ratio) * atY, w: next, h: h * ratio };
    this.moved = true;
    this.look();
  }

  /** Let a place be seen. @param {Place} place */
  reveal(place) {
    if (!this.element.clientWidth) return;
    const margin = 40;
    const [right, low] = [place.x + place.w, place.y + place.h];
    const { x, y, w, h } = this.box;
    const [toX, toY] = [
      place.x < x ? place.x - margin : right > x + w ? right - w + margin : x,
      place.y < y ? place.y - margin : low > y + h ? low - h + margin : y,
    ];
    if (toX === x && toY === y) return;
    this.box = { ...this.box, x: toX, y: toY };
    this.moved = true;
    this.look();
  }

  listen() {
    /** @type {{x: number, y: number, far: boolean} | null} */
    let held = null;
    this.element.addEventListener("pointerdown", (event) => {
      if (event.button === 0) held = { x: event.clientX, y: event.clientY, far: false };
    });
    this.element.addEventListener("pointermove", (event) => {
      if (!held) return;
      const [dx, dy] = [event.clientX - held.x, event.clientY - held.y];
      if (!held.far && Math.hypot(dx, dy) < 5) return;
      if (!held.far) this.element.setPointerCapture(event.pointerId);
      const scale = this.box.w / this.element.clientWidth;
      this.box = { ...this.box, x: this.box.x - dx * scale, y: this.box.y - dy * scale };
      held = { x: event.clientX, y: event.clientY, far: true };
      this.moved = true;
      this.look();
    });
    for (const kind of ["pointerup", "pointercancel"]) {
      this.element.addEventListener(kind, () => { this.dragged = held?.far ?? false; held = null; });
    }
    this.element.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // the page scrolls on
      event.preventDefault();
      const frame = this.element.getBoundingClientRect();
      this.zoom(Math.exp(-event.deltaY / 300), (event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height);
    }, { passive: false });
  }

  destroy() {
    this.resized.disconnect();
  }
}
