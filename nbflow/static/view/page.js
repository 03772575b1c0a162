// All of it: the head with the state of the run, the picture, the timeline and the details, kept in step with each other.

import { address, made, say, set, tell } from "./elements.js";
import { Picture } from "./picture.js";
import { VERSION } from "./shape.js";
import { BAD, BUSY, changeState, drawShares, noteOf, sign, stateClass } from "./states.js";
import { cleanBlock, clock, count, dayAndClock, duration, seconds, size } from "./words.js";
/** @import { AttemptView, Drawing, Options, RunChange, RunView, StepView } from "./shape.js" */

/** The parts of an attempt as bars: class, word, and which seconds it adds up. */
const PARTS = /** @type {const} */ ([
  ["waiting", "waiting", ["waiting"]],
  ["kernel", "kernel and inputs", ["kernel", "loading"]],
  ["code", "code", ["code"]],
  ["saving", "saving outputs", ["saving"]],
]);
/** What a person reads on the buttons, and where they stand. @type {{[action: string]: string}} */
const BUTTONS = { run: "Run", cancel: "Cancel", retry: "Retry what failed", only: "Run this step", jump: "Go to cell" };

// --- steps and when they ran ---------------------------------------------------------------------------

/** Pixels that a letter on the axis takes, roughly. */
const LETTER = 6.2;
const TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200, 86400];

class Row {
  /** @param {string} id */
  constructor(id) {
    this.id = id;
    this.state = "";
    this.name = made("span", { class: "nbf-name-text" });
    this.chain = made("span", { class: "nbf-chain", title: "on the longest chain", "aria-hidden": "true" });
    this.lane = made("span", { class: "nbf-lane", "aria-hidden": "true" });
    this.time = made("span", { class: "nbf-took" });
    this.heard = made("span", { class: "nbf-hidden" });
    this.element = made(
      "div", { class: "nbf-row nbf-step", role: "treeitem", "aria-level": "1", "aria-selected": "false", tabindex: "-1" },
      made("span", { class: "nbf-who" }, sign(""), this.name, this.chain), this.lane, this.time, this.heard,
    );
    this.element.dataset.id = id;
    this.bars = "";
  }

  /** @param {StepView} step @param {number} begin when the run began */
  update(step, begin) {
    changeState(this.element, this.state, step.state);
    this.state = step.state;
    say(this.name, step.name);
    tell(this.name, "title", step.id);
    say(this.time, this.took(step));
    const critical = step.time?.critical ?? false;
    if (this.chain.hidden === critical) this.chain.hidden = !critical;
    const tries = step.attempts.length > 1 ? `, ${step.attempts.length} attempts` : "";
    say(this.heard, `, ${noteOf(step)}${tries}${critical ? ", on the longest chain" : ""}. ${step.reason}`);
    const bars = JSON.stringify(step.attempts.map((a) => [a.started, a.ended, a.ending, a.usage]));
    if (bars !== this.bars) {
      this.lane.replaceChildren(...step.attempts.flatMap((attempt) => attemptBars(attempt, step, begin)));
      this.bars = bars;
    }
  }

  /** @param {StepView} step */
  took(step) {
    if (BUSY.has(step.state) || !step.attempts.length && step.seconds === null) return step.label;
    if (step.state === "reused") return "reused";
    return duration(step.time?.seconds ?? step.seconds);
  }
}

/** The bars of an attempt. @param {AttemptView} attempt @param {StepView} step @param {number} begin @returns {HTMLElement[]} */
function attemptBars(attempt, step, begin) {
  const of = attempt.ending || (BUSY.has(step.state) ? step.state : "cancelled");
  if (attempt.ended === null || attempt.started === null) {
    if (attempt.started === null) return [];
    const open = made("span", { class: `nbf-bar nbf-part-code nbf-open ${stateClass(of)}` });
    set(open, "--at", seconds(attempt.started) - begin);
    return [open];
  }
  const end = seconds(attempt.ended) - begin;
  const held = attempt.usage.kernel + attempt.usage.loading + attempt.usage.code + attempt.usage.saving;
  const parts = held ? PARTS : /** @type {const} */ ([["code", "", []]]);
  let at = held ? end - held - attempt.usage.waiting : seconds(attempt.started) - begin;
  const bars = [];
  for (const [part, , names] of parts) {
    const took = held ? names.reduce((sum, name) => sum + attempt.usage[name], 0) : end - at;
    if (took > 0) {
      const bar = made("span", { class: `nbf-bar nbf-part-${part} ${stateClass(of)}`, title: held ? `attempt ${attempt.number}: ${part} ${duration(took)}` : "" });
      set(bar, "--at", Number(at.toFixed(3)));
      set(bar, "--for", Number(took.toFixed(3)));
      bars.push(bar);
    }
    at += took;
  }
  if (BAD.has(attempt.ending)) {
    const cross = made("span", { class: `nbf-bar nbf-end ${stateClass(of)}` }, attempt.ending === "failed" ? "✘" : "↯");
    set(cross, "--at", Number(end.toFixed(3)));
    bars.push(cross);
  }
  return bars;
}

class Group {
  /** @param {string} name @param {() => void} toggle */
  constructor(name, toggle) {
    this.name = name;
    this.open = false;
    /** @type {string[]} */
    this.members = [];
    this.said = made("span", { class: "nbf-took" });
    this.heard = made("span", { class: "nbf-hidden" });
    this.bar = made("span", { class: "nbf-lane nbf-sum", "aria-hidden": "true" });
    this.title = made("span", { class: "nbf-name-text" }, name);
    this.element = made(
      "div", { class: "nbf-row nbf-group", role: "treeitem", "aria-level": "1", "aria-expanded": "false", tabindex: "-1" },
      made("span", { class: "nbf-who" }, made("span", { class: "nbf-twist", "aria-hidden": "true" }), this.title), this.bar, this.said, this.heard,
    );
    this.element.addEventListener("click", toggle);
  }

  /** @param {Map<string, StepView>} steps */
  update(steps) {
    /** @type {Map<string, number>} */
    const sums = new Map();
    for (const id of this.members) {
      const label = steps.get(id)?.state ?? "";
      sums.set(label, (sums.get(label) ?? 0) + 1);
    }
    const words = [...sums].map(([state, n]) => `${n} ${state}`).join(", ");
    say(this.said, count(this.members.length, "step"));
    say(this.heard, `: ${words}`);
    tell(this.bar, "title", words);
    drawShares(this.bar, sums);
    tell(this.element, "aria-expanded", String(this.open));
  }
}

class Timeline {
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
