// What is to be said of one step, or of the run where none is chosen.

import { PARTS } from "./attempts.js";
import { buttonsFor } from "./buttons.js";
import { address, made } from "./elements.js";
import { renewChildren } from "./renewing.js";
import { BAD, BUSY, sign, stateClass } from "./states.js";
import { cleanBlock, clock, count, dayAndClock, duration, size } from "./words.js";
/** @import { Options, RunView, StepView } from "./shape.js" */

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

export class Detail {
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
      step.reason && !(failing && BAD.has(step.state)) ? made("p", { class: "nbf-reason" }, step.reason) : null,
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
      view.run ? part("Run with", facts([
        ["command", view.command], ["notebooks", view.sources.join(", ")], ["started", dayAndClock(view.started)],
        ["at a time", count(view.jobs, "step")], ["folder", view.folder],
      ])) : made("p", { class: "nbf-quiet" }, "Choose a step to see why it would run, and what it takes and makes."),
      part("Environment", facts(Object.entries(view.environment).map(([name, version]) => [name, version]))),
    ].filter((node) => node !== null);
  }
}
