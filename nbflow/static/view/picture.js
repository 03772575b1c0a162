// The picture of the pipeline: its cards say how their steps stand, and one looks around in it by pointer and by keys.

import { made, say, SVG, tell } from "./elements.js";
import { imported } from "./imported.js";
import { BAD, BUSY, changeState, noteOf } from "./states.js";
/** @import { GraphView, StepView } from "./shape.js" */

/** Pixels, and how small a picture may become, until it is moved about in its frame instead. */
const HIGHEST = 560;
const SMALLEST = 0.55;

/**
 * @typedef {{element: SVGGElement, note: Element | null, state: string, said: string, x: number, y: number, w: number,
 *   h: number}} Card where it lies in the picture
 */

/** Where a window on the picture begins: around a place, within the picture. @param {number} at @param {number} window @param {number} whole */
function along(at, window, whole) {
  return window >= whole ? (whole - window) / 2 : Math.min(Math.max(at - window / 2, 0), whole - window);
}

export class Picture {
  /** @param {(step: string | null) => void} choose */
  constructor(choose) {
    this.choose = choose;
    this.note = made("p", { class: "nbf-quiet" });
    this.frame = made("div", { class: "nbf-graph" });
    this.zooms = made(
      "div", { class: "nbf-zooms" },
      this.zoomButton("−", "Zoom out", 1 / 1.25), this.zoomButton("+", "Zoom in", 1.25), this.zoomButton("⤢", "Fit", 0),
    );
    this.element = made("section", { class: "nbf-panel nbf-picture", "aria-label": "Pipeline" }, this.note, this.frame, this.zooms);
    /** @type {Map<string, Card>} */
    this.cards = new Map();
    /** @type {Map<string, Element[]>} step → its lines */
    this.lines = new Map();
    /** @type {Map<string, {needs: Set<string>, feeds: Set<string>}>} step → those that its lines come from and lead to */
    this.links = new Map();
    /** @type {SVGSVGElement | null} */
    this.svg = null;
    this.box = { x: 0, y: 0, w: 1, h: 1 };
    this.whole = { w: 1, h: 1 };
    this.moved = false;
    /** Whether all of it is to be seen, however small. */
    this.wholly = false;
    /** @type {string | null} */
    this.chosen = null;
    this.resized = new ResizeObserver(() => { if (!this.moved) this.fit(); });
    this.resized.observe(this.frame);
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

  /** Another pipeline. @param {GraphView} graph */
  put(graph) {
    this.cards.clear();
    this.lines.clear();
    this.links.clear();
    this.frame.replaceChildren();
    this.svg = null;
    say(this.note, graph.note);
    const parsed = graph.svg ? new DOMParser().parseFromString(graph.svg, "image/svg+xml").documentElement : null;
    this.element.hidden = !graph.note && parsed === null;
    this.frame.hidden = this.zooms.hidden = parsed === null;
    if (parsed === null || parsed.localName !== "svg" || parsed.namespaceURI !== SVG) return;
    /** @type {Map<string, Element>} */
    const byId = new Map();
    const svg = /** @type {SVGSVGElement} */ (imported(parsed, byId));
    this.svg = svg;
    this.whole = { w: Number.parseFloat(parsed.getAttribute("width") ?? "") || 1, h: Number.parseFloat(parsed.getAttribute("height") ?? "") || 1 };
    for (const name of ["width", "height"]) svg.removeAttribute(name);
    svg.setAttribute("role", "group");
    svg.setAttribute("aria-label", "Steps and what flows between them. Arrow keys move, Enter shows a step.");
    for (const [step, id] of Object.entries(graph.elements)) {
      const element = byId.get(id);
      if (element) this.addCard(step, /** @type {SVGGElement} */ (element));
    }
    const steps = new Map(Object.entries(graph.elements).map(([step, id]) => [id, step]));
    for (const step of this.cards.keys()) this.links.set(step, { needs: new Set(), feeds: new Set() });
    for (const line of svg.querySelectorAll(".nbf-edge")) {
      const [from = "", to = ""] = ["data-from", "data-to"].map((name) => steps.get(line.getAttribute(name) ?? ""));
      this.links.get(from)?.feeds.add(to);
      this.links.get(to)?.needs.add(from);
      for (const name of ["data-from", "data-to"]) {
        const step = steps.get(line.getAttribute(name) ?? "");
        if (step === undefined) continue;
        const lines = this.lines.get(step);
        if (lines) lines.push(line);
        else this.lines.set(step, [line]);
      }
    }
    const first = this.cards.values().next().value;
    if (first) first.element.setAttribute("tabindex", "0");
  }

  /** Put the picture on the page, when its cards say how their steps stand: where one looks first depends on it. */
  show() {
    this.moved = this.wholly = false;
    this.fit(); // before the picture is on the page: a width asked for after that has all of it laid out twice
    if (this.svg) this.frame.append(this.svg);
  }

  /** @param {string} step @param {SVGGElement} element */
  addCard(step, element) {
    let [x, y] = [0, 0];
    for (let group = /** @type {Element | null} */ (element); group; group = group.parentElement) {
      const [, right, down] = /translate\(([-\d.]+)[ ,]+([-\d.]+)/.exec(group.getAttribute("transform") ?? "") ?? [];
      x += Number(right) || 0;
      y += Number(down) || 0;
    }
    const [w, h] = ["width", "height"].map((name) => Number(element.querySelector(".nbf-card")?.getAttribute(name)));
    element.setAttribute("role", "button");
    element.setAttribute("tabindex", "-1");
    element.setAttribute("aria-pressed", "false");
    element.dataset.step = step;
    element.querySelector(":scope > title")?.remove(); // the details say it, and a title would drown the label
    for (const text of element.querySelectorAll("text")) text.after(" "); // words are heard apart
    const note = element.querySelector(".nbf-note");
    this.cards.set(step, { element, note, state: "waiting", said: "", x, y, w: w || 200, h: h || 50 });
  }

  /** @param {StepView} step @param {boolean} critical */
  update(step, critical) {
    const card = this.cards.get(step.id);
    if (!card) return;
    const note = noteOf(step);
    const said = `${step.name} ${note}`;
    if (said !== card.said) {
      if (card.note) say(card.note, note);
      // What is heard begins with what is seen; a name that was cut follows whole.
      const seen = [...card.element.querySelectorAll("text")].map((text) => text.textContent).join(" ");
      tell(card.element, "aria-label", seen.startsWith(`${step.name} `) ? seen : `${seen}: ${said}`);
      card.said = said;
    }
    changeState(card.element, card.state, step.state);
    card.state = step.state;
    if (card.element.classList.contains("nbf-critical") !== critical) card.element.classList.toggle("nbf-critical", critical);
  }

  /** @param {string[]} chain the longest one, first to last */
  markChain(chain) {
    /** @type {Set<Element>} */
    const marked = new Set();
    chain.slice(1).forEach((step, index) => {
      const from = new Set(this.lines.get(chain[index] ?? ""));
      for (const line of this.lines.get(step) ?? []) if (from.has(line)) marked.add(line);
    });
    for (const line of this.svg?.querySelectorAll(".nbf-edge") ?? []) {
      if (line.classList.contains("nbf-critical") !== marked.has(line)) line.classList.toggle("nbf-critical");
    }
  }

  /** @param {string | null} step */
  mark(step) {
    for (const [id, on] of /** @type {const} */ ([[this.chosen, false], [step, true]])) {
      const card = id === null ? undefined : this.cards.get(id);
      card?.element.classList.toggle("nbf-chosen", on);
      card?.element.setAttribute("aria-pressed", String(on));
      for (const line of (id === null ? undefined : this.lines.get(id)) ?? []) line.classList.toggle("nbf-lit", on);
    }
    this.chosen = step;
  }

  // Where one looks

  fit() {
    const wide = this.frame.clientWidth;
    if (!this.svg || !wide) return;
    const { w, h } = this.whole;
    const scale = Math.max(Math.min(1, wide / w, HIGHEST / h), SMALLEST);
    const high = Math.min(h * scale, HIGHEST);
    this.frame.style.height = `${Math.round(high)}px`;
    const seen = this.wholly ? Math.min(scale, wide / w, high / h) : scale;
    const box = { w: wide / seen, h: high / seen };
    const to = this.middle();
    this.box = { x: along(to.x, box.w, w), y: along(to.y, box.h, h), ...box };
    this.look();
  }

  /** Where one looks first in a picture that is too large: a chosen step, what runs or failed, else where it begins. */
  middle() {
    const all = [...this.cards.entries()];
    const chosen = all.filter(([step]) => step === this.chosen);
    const busy = all.filter(([, card]) => BUSY.has(card.state) || BAD.has(card.state));
    const first = all.filter(([step]) => !this.links.get(step)?.needs.size);
    const cards = [chosen, busy, first].find((some) => some.length)?.map(([, card]) => card) ?? [];
    const centre = cards.reduce((sum, card) => sum + card.x + card.w / 2, 0) / cards.length;
    const far = (/** @type {{x: number, w: number}} */ card) => Math.abs(card.x + card.w / 2 - centre);
    const best = cards.reduce((/** @type {Card | null} */ one, other) => (one && far(one) <= far(other) ? one : other), null);
    return best ? { x: best.x + best.w / 2, y: best.y + best.h / 2 } : { x: 0, y: 0 };
  }

  look() {
    const { x, y, w, h } = this.box;
    this.svg?.setAttribute("viewBox", [x, y, w, h].map((n) => n.toFixed(1)).join(" "));
  }

  /** @param {number} factor @param {number} [atX] which part of the frame stays where it is, 0 to 1 @param {number} [atY] */
  zoom(factor, atX = 0.5, atY = 0.5) {
    const { x, y, w, h } = this.box;
    const [least, most] = [this.frame.clientWidth / 4, 2 * Math.max(this.whole.w, this.frame.clientWidth)];
    const next = Math.min(Math.max(w / factor, least), most);
    const ratio = next / w;
    this.box = { x: x + w * (1 - ratio) * atX, y: y + h * (1 - ratio) * atY, w: next, h: h * ratio };
    this.moved = true;
    this.look();
  }

  /** Let a card be seen. @param {string} step */
  reveal(step) {
    const card = this.cards.get(step);
    if (!card || !this.frame.clientWidth) return;
    const margin = 40;
    const [right, low] = [card.x + card.w, card.y + card.h];
    const { x, y, w, h } = this.box;
    const [toX, toY] = [
      card.x < x ? card.x - margin : right > x + w ? right - w + margin : x,
      card.y < y ? card.y - margin : low > y + h ? low - h + margin : y,
    ];
    if (toX === x && toY === y) return;
    this.box = { ...this.box, x: toX, y: toY };
    this.moved = true;
    this.look();
  }

  listen() {
    /** @type {{x: number, y: number, far: boolean} | null} */
    let held = null;
    this.frame.addEventListener("pointerdown", (event) => {
      if (event.button === 0) held = { x: event.clientX, y: event.clientY, far: false };
    });
    this.frame.addEventListener("pointermove", (event) => {
      if (!held) return;
      const [dx, dy] = [event.clientX - held.x, event.clientY - held.y];
      if (!held.far && Math.hypot(dx, dy) < 5) return;
      if (!held.far) this.frame.setPointerCapture(event.pointerId);
      const scale = this.box.w / this.frame.clientWidth;
      this.box = { ...this.box, x: this.box.x - dx * scale, y: this.box.y - dy * scale };
      held = { x: event.clientX, y: event.clientY, far: true };
      this.moved = true;
      this.look();
    });
    let dragged = false;
    for (const kind of ["pointerup", "pointercancel"]) {
      this.frame.addEventListener(kind, () => { dragged = held?.far ?? false; held = null; });
    }
    this.frame.addEventListener("click", (event) => {
      if (dragged) { dragged = false; return; }
      const card = /** @type {Element} */ (event.target).closest("[data-step]");
      this.choose(card instanceof SVGElement ? (card.dataset.step ?? null) : null);
    });
    this.frame.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // the page scrolls on
      event.preventDefault();
      const frame = this.frame.getBoundingClientRect();
      this.zoom(Math.exp(-event.deltaY / 300), (event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height);
    }, { passive: false });
    this.frame.addEventListener("keydown", (event) => this.key(event));
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const here = event.target instanceof SVGElement ? event.target.dataset.step : undefined;
    if (here === undefined) return;
    const ways = /** @type {{[key: string]: [number, number]}} */ ({ ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] });
    const way = ways[event.key];
    if (way) this.move(here, way);
    else if (event.key === "Enter" || event.key === " ") this.choose(here);
    else if (event.key === "Escape") this.choose(null);
    else return;
    event.preventDefault();
  }

  /**
   * To a card in a direction: with the flow or against it to the nearest layer, best to a card on a line from here;
   * across it within the layer, and where that ends to the nearest one elsewhere.
   * @param {string} from @param {[number, number]} way
   */
  move(from, [dx, dy]) {
    const here = this.cards.get(from);
    const linked = this.links.get(from);
    if (!here || !linked) return;
    const places = [...this.cards].map(([step, card]) => {
      const [right, down] = [card.x + card.w / 2 - here.x - here.w / 2, card.y + card.h / 2 - here.y - here.h / 2];
      return { step, along: right * dx + down * dy, aside: Math.abs(right * dy) + Math.abs(down * dx) };
    }).filter(({ along }) => along > 1);
    const [long, thick] = dx ? [here.w / 2, here.h / 2] : [here.h / 2, here.w / 2];
    const layer = Math.min(...places.map(({ along }) => along)) + long;
    const isLinked = (/** @type {string} */ step) => linked.needs.has(step) || linked.feeds.has(step);
    const withFlow = (dx !== 0) === this.across();
    const scored = withFlow
      ? places.filter(({ along }) => along <= layer).map(({ step, aside }) => ({ step, far: aside + (isLinked(step) ? 0 : 1e6) }))
      : places.map(({ step, along, aside }) => ({ step, far: along + 2 * aside + (aside < thick ? 0 : 1e6) }));
    const best = scored.sort((one, other) => one.far - other.far)[0]?.step ?? null;
    const there = best === null ? undefined : this.cards.get(best);
    if (best === null || !there) return;
    here.element.setAttribute("tabindex", "-1");
    there.element.setAttribute("tabindex", "0");
    this.reveal(best);
    there.element.focus({ preventScroll: true });
  }

  /** Whether what flows goes from left to right, not from top to bottom. */
  across() {
    let [right, down] = [0, 0];
    for (const [step, { feeds }] of this.links) {
      const from = this.cards.get(step);
      for (const fed of feeds) {
        const to = this.cards.get(fed);
        if (!from || !to) continue;
        if (to.x > from.x + from.w) right++;
        if (to.y > from.y + from.h) down++;
      }
    }
    return right > down;
  }

  destroy() {
    this.resized.disconnect();
  }
}
