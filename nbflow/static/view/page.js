// All of it: the head with the state of the run, the picture, the timeline and the details, kept in step with each other.

import { buttonsFor } from "./buttons.js";
import { Detail } from "./detail.js";
import { made, say, tell } from "./elements.js";
import { Picture } from "./picture.js";
import { VERSION } from "./shape.js";
import { BAD, changeState, drawShares, sign, stateClass } from "./states.js";
import { Timeline } from "./timeline.js";
import { dayAndClock, duration, seconds } from "./words.js";
/** @import { Drawing, Options, RunChange, RunView, StepView } from "./shape.js" */

class View {
  /** @param {HTMLElement} host @param {Options} options */
  constructor(host, options) {
    this.options = options;
    /** @type {RunView | null} */
    this.view = null;
    /** @type {Map<string, StepView>} */
    this.steps = new Map();
    /** @type {string | null} */
    this.chosen = null;
    /** Seconds by which the clock of the times is ahead of this one. */
    this.ahead = 0;
    const choose = (/** @type {string | null} */ step) => {
      this.select(step);
      if (this.chosen !== null) this.showDetail();
    };
    this.picture = new Picture(choose);
    this.timeline = new Timeline(choose);
    this.detail = new Detail(options, choose);
    this.mark = made("span", { class: "nbf-step nbf-run-mark" }, sign(""));
    this.title = made("h2", { class: "nbf-title" });
    this.status = made("span", { class: "nbf-status" });
    this.clock = made("span", { class: "nbf-clock" });
    this.counts = made("ul", { class: "nbf-counts", "aria-label": "Steps by state" });
    this.shares = made("div", { class: "nbf-shares", "aria-hidden": "true" });
    this.buttons = made("div", { class: "nbf-buttons", role: "group", "aria-label": "Run" });
    this.offered = "";
    this.news = made("p", { class: "nbf-hidden", role: "status", "aria-live": "polite" });
    const head = made("div", { class: "nbf-head" }, this.mark, made("div", { class: "nbf-words" }, this.title, made("p", {}, this.status, this.clock)), this.buttons, this.shares, this.counts);
    const left = made("div", { class: "nbf-left" }, this.picture.element, this.timeline.element);
    // Keys that are pressed here are ours: JupyterLab would insert and delete cells.
    this.element = made("section", { class: "nbf-view", "aria-label": "Run", "data-lm-suppress-shortcuts": "true" }, head, made("div", { class: "nbf-body" }, left, this.detail.element), this.news);
    this.element.addEventListener("keydown", (event) => { if (event.key === "Escape" && this.chosen !== null && !event.defaultPrevented) this.select(null); });
    host.append(this.element);
    this.runState = "";
    this.ticking = /** @type {ReturnType<typeof setInterval> | undefined} */ (undefined);
  }

  /** @param {RunChange} change */
  update(change) {
    if (change.version !== VERSION) {
      this.element.replaceChildren(made("p", { class: "nbf-panel" }, `This run was told by another version of nbflow (view ${change.version}, and this page draws ${VERSION}). Reload the page, or update nbflow.`));
      return;
    }
    const old = this.view !== null && this.view.run === change.run ? this.view : null;
    if (old === null) this.forget();
    for (const step of change.steps ?? []) this.steps.set(step.id, step);
    const view = /** @type {RunView} */ ({ ...old, ...change, steps: [...this.steps.values()] });
    this.view = view;
    if (change.now && view.status === "running") this.ahead = seconds(change.now) - Date.now() / 1000;
    if (change.graph) this.picture.put(change.graph);
    else if (old === null) this.picture.put({ svg: "", elements: {}, note: "" });
    this.draw(view, old, change);
  }

  /** Another run: nothing of the one before is left. */
  forget() {
    this.select(null);
    this.steps.clear();
    this.timeline.clear();
    this.view = null;
  }

  /** @param {RunView} view @param {RunView | null} old @param {RunChange} change */
  draw(view, old, change) {
    const chain = view.time?.longest_chain ?? [];
    const critical = new Set(chain);
    const changed = change.graph || change.time !== undefined ? view.steps : (change.steps ?? []);
    for (const step of changed) this.picture.update(step, critical.has(step.id));
    if (change.time !== undefined || change.graph) this.picture.markChain(chain);
    if (change.graph || old === null) this.picture.show();
    this.timeline.update(change.steps ?? [], this.steps, view.started === null ? 0 : seconds(view.started));
    if (change.steps || old === null) this.timeline.show(view.steps.some((step) => step.attempts.length));
    this.head(view);
    this.tick();
    this.announce(view, old, change.steps ?? []);
    if (this.chosen !== null && !this.steps.has(this.chosen)) this.select(null);
    else this.detail.update(view, this.chosen === null ? null : (this.steps.get(this.chosen) ?? null), this.steps);
    const live = view.status === "running";
    if (live && this.ticking === undefined) this.ticking = setInterval(() => this.tick(), 1000);
    else if (!live) this.stop();
  }

  /** @param {RunView} view */
  head(view) {
    const state = { planned: "waiting", unknown: "waiting" }[view.status] ?? (view.label === "stopping" ? "stopping" : view.status);
    changeState(this.mark, this.runState, state);
    this.element.classList.toggle("nbf-live", view.status === "running");
    this.runState = state;
    say(this.title, view.run ? `Run ${view.run}` : view.sources.join(", "));
    say(this.status, view.label);
    tell(this.status, "class", `nbf-status nbf-step ${stateClass(state)}`);
    const counts = Object.entries(view.counts).filter(([, n]) => n > 0);
    drawShares(this.shares, new Map(counts));
    while (this.counts.children.length > counts.length) this.counts.lastElementChild?.remove();
    counts.forEach(([name, n], index) => {
      let item = /** @type {HTMLElement | undefined} */ (this.counts.children[index]);
      if (!item) item = this.counts.appendChild(made("li", { class: "nbf-step" }, sign(""), made("span")));
      changeState(item, item.dataset.state ?? "", name);
      if (item.dataset.state !== name) item.dataset.state = name;
      say(/** @type {Element} */ (item.lastElementChild), `${n} ${name}`);
    });
    const offered = view.actions.join(" ");
    if (offered !== this.offered) {
      this.offered = offered;
      this.buttons.replaceChildren(...buttonsFor(view.actions, this.options, null));
    }
  }

  /** What moves by itself: the clock, the line of now, the bars of what runs. */
  tick() {
    const view = this.view;
    if (view === null) return;
    if (view.started === null) {
      say(this.clock, "");
      this.timeline.scale(0, null);
      return;
    }
    const live = view.status === "running";
    const begin = seconds(view.started);
    const now = Date.now() / 1000 + this.ahead;
    const spent = live ? Math.max(0, now - begin) : (view.seconds ?? 0);
    const left = live && view.eta !== null ? seconds(view.eta) - now : 0;
    const eta = left >= 1 ? ` · about ${duration(Math.round(left))} left` : "";
    say(this.clock, ` ${live ? "for" : view.status === "succeeded" ? "in" : "after"} ${duration(spent)}${eta} · started ${dayAndClock(view.started)}`);
    this.timeline.scale(spent, live ? spent : null);
  }

  /** For those who hear the page: how the run ends, and what goes wrong on the way. @param {RunView} view @param {RunView | null} old @param {StepView[]} steps */
  announce(view, old, steps) {
    if (old === null) return;
    const before = new Map(old.steps.map((step) => [step.id, step.state]));
    const bad = steps.filter((step) => BAD.has(step.state) && before.get(step.id) !== step.state);
    const words = bad.map((step) => `${step.name} ${step.label}: ${step.error}`);
    if (view.label !== old.label) words.push(`The run ${view.status === "running" ? "is " : ""}${view.label}.`);
    if (words.length) say(this.news, words.join(" "));
  }

  /** @param {string | null} step */
  select(step) {
    const next = step !== null && this.steps.has(step) ? step : null;
    this.chosen = next;
    this.picture.mark(next);
    if (next !== null) this.picture.reveal(next);
    this.timeline.mark(next);
    if (this.view) this.detail.update(this.view, next === null ? null : (this.steps.get(next) ?? null), this.steps);
    this.element.classList.toggle("nbf-has-choice", next !== null);
    this.options.onSelect?.(next);
  }

  /** Where the details stand below the steps, somebody who has chosen one wants to see them. */
  showDetail() {
    if (this.detail.element.offsetLeft > 0) return;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.detail.element.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
  }

  stop() {
    clearInterval(this.ticking);
    this.ticking = undefined;
  }

  /** What is drawn stays; there is nobody to ask for more. */
  leave() {
    this.stop();
    for (const button of this.element.querySelectorAll("[class*='nbf-do-']:not(.nbf-do-jump)")) button.setAttribute("disabled", "");
  }

  destroy() {
    this.stop();
    this.picture.destroy();
    this.timeline.destroy();
    this.element.remove();
  }
}

/**
 * Draw runs into an element.
 * @param {HTMLElement} element stays empty until the first `update`
 * @param {Options} [options]
 * @returns {Drawing}
 */
export function mount(element, options = {}) {
  const view = new View(element, options);
  return {
    update: (change) => view.update(change),
    select: (step) => view.select(step),
    stop: () => view.leave(),
    destroy: () => view.destroy(),
  };
}
