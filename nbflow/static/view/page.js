// All of it: the head with the state of the run, the picture, the timeline and the details, kept in step with each other.

import { PARTS } from "./attempts.js";
import { address, made, say, tell } from "./elements.js";
import { Picture } from "./picture.js";
import { VERSION } from "./shape.js";
import { BAD, BUSY, changeState, drawShares, sign, stateClass } from "./states.js";
import { Timeline } from "./timeline.js";
import { cleanBlock, clock, count, dayAndClock, duration, seconds, size } from "./words.js";
/** @import { Drawing, Options, RunChange, RunView, StepView } from "./shape.js" */

/** What a person reads on the buttons, and where they stand. @type {{[action: string]: string}} */
const BUTTONS = { run: "Run", cancel: "Cancel", retry: "Retry what failed", only: "Run this step", jump: "Go to cell" };

// --- details -------------------------------------------------------------------------------------------

/** @param {string} title @param {...(Node | null)} content @returns {HTMLElement | null} */
function part(title, ...content) {
  const there = content.filter((node) => node !== null);
  return there.length ? made("section", { class: "nbf-part", "data-key": title }, made("h4", {}, title), ...there) : null;
}

/** @param {[string, string][]} pairs those without a value are left out */
function facts(pairs) {
  const there = pairs.filter(([, value]) => value);
  return there.length ? made("dl", { class: "nbf-facts" }, ...there.flatMap(([name, value]) => [made("dt", {}, name), made("dd", {}, value)])) : null;
}

/** Lines as they are, in a box that scrolls. @param {string} label @param {string} text @param {string} [kind] */
function block(label, text, kind = "") {
  const box = made("pre", { class: `nbf-block ${kind}`, "data-key": label, tabindex: "0", role: "region", "aria-label": label });
  box.textContent = cleanBlock(text);
  return box;
}

/** @param {string[]} head @param {(string | Node)[][]} rows @param {number[]} right columns of numbers */
function table(head, rows, right = []) {
  if (!rows.length) return null;
  const kept = head.map((_, i) => i).filter((i) => head[i] === "" || rows.some((row) => row[i] !== ""));
  const style = (/** @type {number} */ i) => (right.includes(i) ? { class: "nbf-number" } : /** @type {{[name: string]: string}} */ ({}));
  return made("div", { class: "nbf-scroll", tabindex: "0", role: "region", "aria-label": head.filter(Boolean).join(", ") }, made(
    "table", { class: "nbf-table" },
    made("thead", {}, made("tr", {}, ...kept.map((i) => made("th", { scope: "col", ...style(i) }, head[i] ?? "")))),
    made("tbody", {}, ...rows.map((row) => made("tr", {}, ...kept.map((i) => made("td", style(i), row[i] ?? ""))))),
  ));
}

// Parts that stay where they are while what they say changes: what was clicked, marked, focused or scrolled stays so.

/** What makes an element the same one when it is drawn again. @param {Node} node */
function keyOf(node) {
  return node instanceof Element ? `${node.localName} ${node.classList[0] ?? ""} ${node.getAttribute("data-key") ?? ""}` : node.nodeName;
}

/** Let the children of an element be like these, which stand nowhere yet. @param {Element} element @param {Node[]} wanted */
function renewChildren(element, wanted) {
  /** @type {Map<string, Node[]>} */
  const there = new Map();
  for (const child of element.childNodes) {
    const key = keyOf(child);
    const alike = there.get(key);
    if (alike) alike.push(child);
    else there.set(key, [child]);
  }
  const kept = wanted.map((fresh) => {
    const old = there.get(keyOf(fresh))?.shift();
    if (old) renew(old, fresh);
    return old ?? fresh;
  });
  for (const rest of there.values()) for (const child of rest) element.removeChild(child);
  let next = element.firstChild;
  for (const node of kept) {
    if (next === node) next = next.nextSibling;
    else element.insertBefore(node, next);
  }
}

/** @param {Node} old stays @param {Node} fresh of the same key */
function renew(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (!(old instanceof Element && fresh instanceof Element)) {
    old.nodeValue = fresh.nodeValue;
    return;
  }
  for (const name of old.getAttributeNames()) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const text = old.firstChild;
  if (old.localName === "pre" && text instanceof Text) goOn(old, text, fresh.textContent ?? "");
  else renewChildren(old, [...fresh.childNodes]);
}

/** A box of printed text: more below and less above, under the eyes of a reader. @param {Element} box @param {Text} text @param {string} next */
function goOn(box, text, next) {
  const [top, before] = [box.scrollTop, box.scrollHeight];
  const atEnd = top + box.clientHeight >= before - 4;
  const old = text.data;
  const lines = old.lastIndexOf("\n") + 1; // before the last one, which may have been written over
  let gone = 0; // the first ones, which are left out now
  while (gone < lines && !next.startsWith(old.slice(gone, lines))) gone = old.indexOf("\n", gone) + 1;
  const other = lines > 0 && gone === lines;
  if (other) gone = 0;
  let same = 0;
  while (same < next.length && next[same] === old[gone + same]) same++;
  text.deleteData(gone + same, old.length);
  const tall = box.scrollHeight;
  text.deleteData(0, gone);
  const lifted = tall - box.scrollHeight;
  text.appendData(next.slice(same));
  box.scrollTop = atEnd ? box.scrollHeight : top - lifted;
}

class Detail {
  /** @param {Options} options @param {(step: string | null) => void} choose */
  constructor(options, choose) {
    this.options = options;
    this.choose = choose;
    this.element = made("aside", { class: "nbf-panel nbf-detail", "aria-label": "Details", tabindex: "0" });
    this.drawn = "";
    /** Whose details stand there: of a step (full name), of the run (null), none yet. @type {string | null | undefined} */
    this.of = undefined;
  }

  /** @param {RunView} view @param {StepView | null} step @param {Map<string, StepView>} steps */
  update(view, step, steps) {
    const now = JSON.stringify(step ?? { ...view, steps: view.steps.filter((one) => one.error).map((one) => one.id), graph: null, now: null, eta: null, seconds: view.ended ? view.seconds : null, counts: {} });
    if (now === this.drawn) return;
    this.drawn = now;
    const of = step ? step.id : null;
    const wanted = step ? this.step(step, steps) : this.run(view);
    if (of === this.of) {
      renewChildren(this.element, wanted); // somebody may be reading, marking or clicking there
      return;
    }
    this.of = of;
    this.element.scrollTop = 0;
    const focused = this.element.contains(document.activeElement) ? document.activeElement?.getAttribute("data-key") : null;
    this.element.replaceChildren(...wanted);
    if (focused) /** @type {HTMLElement | null} */ (this.element.querySelector(`[data-key="${CSS.escape(focused)}"]`))?.focus();
  }

  /** @param {StepView} step @param {Map<string, StepView>} steps @returns {Node[]} */
  step(step, steps) {
    const close = made("button", { type: "button", class: "nbf-button nbf-close", "aria-label": "Back to the run", title: "Back to the run (Escape)", "data-key": "close" }, "×");
    close.addEventListener("click", () => this.choose(null));
    const head = made("div", { class: `nbf-detail-head nbf-step ${stateClass(step.state)}` }, sign(step.state), made("h3", {}, step.name), made("span", { class: "nbf-state" }, step.label), close);
    const failing = [...step.attempts].reverse().find((attempt) => attempt.error);
    const progress = BUSY.has(step.state) && step.total ? made("progress", { max: String(step.total), value: String(step.done), "aria-label": `${step.done} of ${step.total} cells` }) : null;
    return [
      head,
      step.reason && !BAD.has(step.state) ? made("p", { class: "nbf-reason" }, step.reason) : null,
      this.actions(step),
      progress,
      step.text ? block("What it printed last", step.text, "nbf-last") : null,
      failing && !["succeeded", "reused"].includes(step.state) ? part(
        failing.cell ? `Error in cell ${failing.cell}` : "Error",
        made("p", { class: "nbf-error" }, failing.error),
        failing.traceback ? block("Traceback", failing.traceback) : null,
      ) : null,
      step.warnings.length ? part("Warnings", ...step.warnings.map((warning) => made("p", { class: "nbf-warning" }, warning))) : null,
      facts(this.facts(step, steps)),
      step.attempts.length ? part("Attempts", this.attempts(step)) : null,
      part("Inputs", table(["name", "type", "size", "from"], step.inputs.map((thing) => [thing.name, thing.type || thing.kind, size(thing.size), thing.step]), [2])),
      part("Outputs", table(["name", "type", "size"], step.outputs.map((thing) => [thing.name, thing.type || thing.kind, size(thing.size)]), [2])),
      step.printed.length ? part("Printed last", block("Printed last", step.printed.join("\n"))) : null,
      this.links(step),
    ].filter((node) => node !== null);
  }

  /** @param {StepView} step @param {Map<string, StepView>} steps @returns {[string, string][]} */
  facts(step, steps) {
    const time = step.time;
    return [
      ["started", dayAndClock(step.started)],
      ["tries again", clock(step.retry)],
      ["took", time ? duration(time.seconds) + (time.usual === null ? "" : `, usually ${duration(time.usual)}`) : ""],
      ["", time?.slower ? "much slower than usual" : ""],
      ["memory", time?.memory ? size(time.memory) : ""],
      ["CPU", time?.cpu ? duration(time.cpu) : ""],
      ["slack", !time ? "" : time.critical ? "none: it is on the longest chain" : duration(time.slack)],
      ["needs", step.needs.map((need) => steps.get(need)?.name ?? need).join(", ")],
      ["where", step.notebook && `${step.notebook}${step.cells.length ? `, cell${step.cells.length > 1 ? "s" : ""} ${step.cells.join(", ")}` : ""}`],
    ];
  }

  /** @param {StepView} step */
  attempts(step) {
    return made("ol", { class: "nbf-attempts" }, ...step.attempts.map((attempt) => {
      const usage = attempt.usage;
      const split = PARTS.map(([, word, names]) => [word, names.reduce((sum, name) => sum + usage[name], 0)]);
      const took = split.filter(([, spent]) => Number(spent) >= 0.05).map(([word, spent]) => `${word} ${duration(Number(spent))}`);
      const more = [clock(attempt.started), usage.memory ? size(usage.memory) : ""].filter(Boolean);
      const state = attempt.ending || (BUSY.has(step.state) ? step.state : "cancelled");
      return made(
        "li", { class: `nbf-step ${stateClass(state)}` },
        made("span", { class: "nbf-state" }, `${attempt.number}. ${attempt.ending || step.label}`), made("span", { class: "nbf-quiet" }, ` ${more.join(" · ")}`),
        took.length ? made("div", { class: "nbf-quiet" }, took.join(", ")) : null,
        attempt.error && attempt.error !== step.error ? made("div", {}, attempt.error) : null,
      );
    }));
  }

  /** @param {StepView} step */
  links(step) {
    const { base = null, anchors = {} } = this.options;
    const outputs = anchors[step.id];
    const all = [
      outputs !== undefined ? made("a", { href: outputs }, "What its cells showed") : null,
      step.executed && base !== null ? made("a", { href: address(base, step.executed) }, "Its executed notebook") : null,
    ].filter((link) => link !== null);
    return all.length ? made("p", { class: "nbf-links" }, ...all) : null;
  }

  /** @param {StepView} step */
  actions(step) {
    const buttons = buttonsFor(step.actions, this.options, step.id);
    return buttons.length ? made("p", { class: "nbf-buttons" }, ...buttons) : null;
  }

  /** @param {RunView} view @returns {Node[]} */
  run(view) {
    const bad = view.steps.filter((step) => BAD.has(step.state));
    return [
      made("h3", {}, view.run ? "This run" : "This pipeline"),
      bad.length ? part("What went wrong", ...bad.slice(0, 8).map((step) => {
        const button = made("button", { type: "button", class: `nbf-step nbf-problem ${stateClass(step.state)}`, "data-key": `go ${step.id}` }, sign(step.state), made("span", {}, made("b", {}, step.name), ` ${step.error}`));
        button.addEventListener("click", () => this.choose(step.id));
        return button;
      })) : null,
      view.time?.lines.length ? part("Where the time went", ...view.time.lines.map((line) => made("p", {}, line))) : null,
      part("Parameters", facts(Object.entries(view.parameters).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]))),
      part("Run with", facts([
        ["command", view.command], ["notebooks", view.run ? view.sources.join(", ") : ""], ["started", dayAndClock(view.started)],
        ["at a time", count(view.jobs, "step")], ["folder", view.folder],
      ])),
      part("Environment", facts(Object.entries(view.environment).map(([name, version]) => [name, version]))),
    ].filter((node) => node !== null);
  }
}

/** Those that make sense now and that the host can do. @param {string[]} actions @param {Options} options @param {string | null} step */
function buttonsFor(actions, options, step) {
  const can = options.onAction ? (options.actions ?? []) : [];
  return actions.filter((action) => can.includes(action) && action in BUTTONS).map((action) => {
    const button = made("button", { type: "button", class: `nbf-button nbf-do-${action}`, "data-key": `do ${action}` }, BUTTONS[action] ?? "");
    button.addEventListener("click", () => options.onAction?.(action, step));
    return button;
  });
}

// --- all of it -----------------------------------------------------------------------------------------

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
