// The picture of the pipeline: its cards say how their steps stand, and one looks around in it by pointer and by keys.
//
// How it lies in its frame is `frame`'s, where an arrow key leads to `neighbours`'.

import { made, say, SVG, tell } from "./elements.js";
import { Frame } from "./frame.js";
import { imported } from "./imported.js";
import { neighbour } from "./neighbours.js";
import { BAD, BUSY, changeState, noteOf } from "./states.js";
/** @import { Place } from "./frame.js" */
/** @import { Links } from "./neighbours.js" */
/** @import { GraphView, StepView } from "./shape.js" */

/** @typedef {Place & {element: SVGGElement, note: Element | null, state: string, said: string}} Card */

export class Picture {
  /** @param {(step: string | null) => void} choose */
  constructor(choose) {
    this.choose = choose;
    this.note = made("p", { class: "nbf-quiet" });
    this.frame = new Frame(() => this.middle());
    this.element = made("section", { class: "nbf-panel nbf-picture", "aria-label": "Pipeline" }, this.note, this.frame.element, this.frame.zooms);
    /** @type {Map<string, Card>} */
    this.cards = new Map();
    /** @type {Map<string, Element[]>} step → its lines */
    this.lines = new Map();
    /** @type {Map<string, Links>} */
    this.links = new Map();
    /** @type {string | null} */
    this.chosen = null;
    this.frame.element.addEventListener("click", (event) => {
      if (this.frame.dragged) { this.frame.dragged = false; return; }
      const card = /** @type {Element} */ (event.target).closest("[data-step]");
      this.choose(card instanceof SVGElement ? (card.dataset.step ?? null) : null);
    });
    this.frame.element.addEventListener("keydown", (event) => this.key(event));
  }

  /** Another pipeline. @param {GraphView} graph */
  put(graph) {
    this.cards.clear();
    this.lines.clear();
    this.links.clear();
    this.frame.clear();
    say(this.note, graph.note);
    const parsed = graph.svg ? new DOMParser().parseFromString(graph.svg, "image/svg+xml").documentElement : null;
    this.element.hidden = !graph.note && parsed === null;
    this.frame.element.hidden = this.frame.zooms.hidden = parsed === null;
    if (parsed === null || parsed.localName !== "svg" || parsed.namespaceURI !== SVG) return;
    /** @type {Map<string, Element>} */
    const byId = new Map();
    const svg = /** @type {SVGSVGElement} */ (imported(parsed, byId));
    const [w = 1, h = 1] = ["width", "height"].map((name) => Number.parseFloat(parsed.getAttribute(name) ?? "") || 1);
    this.frame.put(svg, { w, h });
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
    this.frame.show();
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
    for (const line of this.frame.svg?.querySelectorAll(".nbf-edge") ?? []) {
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

  /** Let a card be seen. @param {string} step */
  reveal(step) {
    const card = this.cards.get(step);
    if (card) this.frame.reveal(card);
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

  /** To the card in a direction. @param {string} from @param {[number, number]} way */
  move(from, way) {
    const best = neighbour(this.cards, this.links, from, way);
    const there = best === null ? undefined : this.cards.get(best);
    if (best === null || !there) return;
    this.cards.get(from)?.element.setAttribute("tabindex", "-1");
    there.element.setAttribute("tabindex", "0");
    this.reveal(best);
    there.element.focus({ preventScroll: true });
  }

  destroy() {
    this.frame.destroy();
  }
}
