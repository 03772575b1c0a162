// Steps and when they ran: rows below an axis, which a tree of keys leads through.

import { PARTS } from "./attempts.js";
import { made, set } from "./elements.js";
import { Group, Row } from "./rows.js";
import { BAD, BUSY } from "./states.js";
/** @import { StepView } from "./shape.js" */

/** Pixels that a letter on the axis takes, roughly. */
const LETTER = 6.2;
const TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200, 86400];

export class Timeline {
  /** @param {(step: string | null) => void} choose */
  constructor(choose) {
    this.choose = choose;
    this.ticks = made("div", { class: "nbf-ticks", "aria-hidden": "true" });
    this.rest = made("div", { class: "nbf-axis" }, made("span"), this.ticks, made("span"));
    this.nowLine = made("div", { class: "nbf-now-line", "aria-hidden": "true" });
    this.list = made("div", { class: "nbf-rows", role: "tree", "aria-label": "Steps and when they ran" });
    this.legend = made("div", { class: "nbf-legend", "aria-hidden": "true" }, ...PARTS.map(([part, word]) => made("span", {}, made("span", { class: `nbf-key nbf-succeeded nbf-part-${part}` }), word)), made("span", {}, made("span", { class: "nbf-chain" }), "longest chain"));
    this.element = made("section", { class: "nbf-panel nbf-timeline", "aria-label": "Steps" }, this.rest, this.list, this.legend);
    /** @type {Map<string, Row>} */
    this.rows = new Map();
    /** @type {Map<string, Group>} */
    this.groups = new Map();
    /** @type {Map<string, StepView>} */
    this.steps = new Map();
    /** @type {string[]} */
    this.order = [];
    /** @type {string | null} */
    this.chosen = null;
    /** @type {Map<string, Group>} */
    this.memberOf = new Map();
    this.begin = 0;
    this.axis = "";
    this.span = 0;
    /** Pixels for the axis; 0 until it has been laid out. */
    this.room = 0;
    this.resized = new ResizeObserver(() => { this.room = this.ticks.clientWidth; this.drawTicks(); });
    this.resized.observe(this.ticks);
    this.list.addEventListener("click", (event) => {
      const row = /** @type {Element} */ (event.target).closest(".nbf-row[data-id]");
      if (row instanceof HTMLElement) this.choose(row.dataset.id ?? null);
    });
    this.list.addEventListener("keydown", (event) => this.key(event));
    this.list.append(this.nowLine);
  }

  /** @param {StepView[]} steps that differ @param {Map<string, StepView>} all @param {number} begin */
  update(steps, all, begin) {
    this.steps = all;
    const fresh = this.begin !== begin || all.size !== this.order.length;
    this.begin = begin;
    /** @type {Set<Group>} */
    const touched = new Set();
    let placed = fresh;
    for (const step of fresh ? all.values() : steps) {
      const group = step.group ? this.group(step) : null;
      if (group) touched.add(group);
      const before = this.rows.get(step.id);
      const shown = this.isShown(step);
      if (shown !== (before !== undefined)) placed = true;
      if (shown) (before ?? this.row(step)).update(step, begin);
    }
    for (const group of touched) group.update(all);
    if (fresh) this.order = [...all.keys()];
    if (placed) this.place();
  }

  clear() {
    for (const known of [this.rows, this.groups, this.memberOf]) known.clear();
    this.order = [];
    this.list.replaceChildren(this.nowLine);
  }

  /** @param {StepView} step */
  group(step) {
    const known = this.memberOf.get(step.id);
    if (known) return known;
    const key = `${step.notebook}\n${step.group}`;
    const group = this.groups.get(key) ?? new Group(step.group, () => this.toggle(group));
    this.groups.set(key, group);
    group.members.push(step.id);
    this.memberOf.set(step.id, group);
    return group;
  }

  /** Whether a step has a row of its own now: in a closed group only what asks for attention. @param {StepView} step */
  isShown(step) {
    if (!step.group) return true;
    return Boolean(this.memberOf.get(step.id)?.open) || BUSY.has(step.state) || BAD.has(step.state) || step.id === this.chosen;
  }

  /** @param {StepView} step */
  row(step) {
    const row = new Row(step.id);
    this.rows.set(step.id, row);
    if (step.group) row.element.setAttribute("aria-level", "2");
    return row;
  }

  /** Put rows where they belong: steps in order, a group where its first step stands. */
  place() {
    /** @type {Element[]} */
    const wanted = [];
    /** @type {Set<Group>} */
    const seen = new Set();
    for (const step of this.steps.values()) {
      const group = this.memberOf.get(step.id);
      if (!group) { wanted.push(/** @type {Row} */ (this.rows.get(step.id)).element); continue; }
      if (seen.has(group)) continue;
      seen.add(group);
      wanted.push(group.element);
      for (const id of group.members) {
        const member = /** @type {StepView} */ (this.steps.get(id));
        if (!this.isShown(member)) { this.rows.get(id)?.element.remove(); this.rows.delete(id); continue; }
        let row = this.rows.get(id);
        if (!row) { row = this.row(member); row.update(member, this.begin); }
        wanted.push(row.element);
      }
    }
    let next = /** @type {Node | null} */ (this.list.firstChild);
    for (const element of [...wanted, this.nowLine]) {
      if (next === element) next = next.nextSibling;
      else this.list.insertBefore(element, next);
    }
    this.rove();
  }

  /** One row can be reached with Tab; from there arrow keys lead on. */
  rove() {
    if (!this.list.querySelector('.nbf-row[tabindex="0"]')) this.list.querySelector(".nbf-row")?.setAttribute("tabindex", "0");
  }

  /** @param {Group} group */
  toggle(group) {
    group.open = !group.open;
    group.update(this.steps);
    this.place();
  }

  /** @param {string | null} step */
  mark(step) {
    const old = this.chosen;
    this.chosen = step;
    const grouped = [old, step].some((id) => id !== null && this.memberOf.has(id));
    if (grouped) this.place();
    for (const [id, on] of /** @type {const} */ ([[old, false], [step, true]])) {
      const row = id === null ? undefined : this.rows.get(id);
      row?.element.setAttribute("aria-selected", String(on));
    }
  }

  /** @param {number} end seconds since the run began @param {number | null} now the same, while it goes on */
  scale(end, now) {
    const span = Math.max(now === null ? end : end * 1.04 + 0.5, 0.001);
    set(this.element, "--span", Number(span.toFixed(3)));
    set(this.element, "--now", Number((now ?? end).toFixed(3)));
    const live = now !== null;
    if (this.nowLine.hidden === live) this.nowLine.hidden = !live;
    this.span = span;
    this.drawTicks();
  }

  /** So many as there is room for, and seven at most. */
  drawTicks() {
    const { span, room } = this;
    if (!span) return;
    const fits = (/** @type {number} */ step) => {
      const words = Array.from({ length: Math.floor(span / step) + 1 }, (_, index) => tickWord(index * step, step).length);
      return words.length <= 8 && (!room || (step / span) * room >= Math.max(...words) * LETTER + 8);
    };
    const tick = TICKS.find((step) => span / step <= 7 && fits(step)) ?? 86_400 * Math.ceil(span / 86_400 / (room > 300 ? 4 : 1));
    const axis = `${tick} ${Math.floor(span / tick)}`;
    if (axis === this.axis) return;
    this.axis = axis;
    this.ticks.replaceChildren(...Array.from({ length: Math.floor(span / tick) + 1 }, (_, index) => {
      const mark = made("span", { class: "nbf-tick" }, tickWord(index * tick, tick));
      set(mark, "--at", Number((index * tick).toFixed(3)));
      return mark;
    }));
  }

  destroy() {
    this.resized.disconnect();
  }

  /** @param {boolean} ran */
  show(ran) {
    this.rest.hidden = this.legend.hidden = !ran;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const here = /** @type {HTMLElement} */ (event.target).closest(".nbf-row");
    if (!(here instanceof HTMLElement)) return;
    const rows = /** @type {HTMLElement[]} */ ([...this.list.querySelectorAll(".nbf-row")]);
    const at = rows.indexOf(here);
    const group = [...this.groups.values()].find((one) => one.element === here);
    const jumps = /** @type {{[key: string]: number}} */ ({ ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 });
    const to = jumps[event.key];
    if (to !== undefined) focusRow(here, rows[to]);
    else if ((event.key === "ArrowRight" || event.key === "ArrowLeft") && group) { if (group.open !== (event.key === "ArrowRight")) this.toggle(group); }
    else if (event.key === "Enter" || event.key === " ") { if (group) this.toggle(group); else this.choose(here.dataset.id ?? null); }
    else if (event.key === "Escape") this.choose(null);
    else return;
    event.preventDefault();
  }
}

/** @param {HTMLElement} here @param {HTMLElement | undefined} there */
function focusRow(here, there) {
  if (!there) return;
  here.setAttribute("tabindex", "-1");
  there.setAttribute("tabindex", "0");
  there.focus();
}

/** @param {number} at seconds @param {number} tick */
function tickWord(at, tick) {
  if (at === 0) return "0";
  if (tick < 1) return `${at.toFixed(1)} s`;
  if (at < 60) return `${at} s`;
  const [hours, minutes, rest] = [Math.floor(at / 3600), Math.floor((at % 3600) / 60), at % 60];
  return [hours ? `${hours} h` : "", minutes ? `${minutes} min` : "", rest ? `${rest} s` : ""].filter(Boolean).join(" ");
}
