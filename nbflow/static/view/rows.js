// The rows of the timeline: a step, and a group of steps that stands for its members while it is closed.

import { attemptBars } from "./attempts.js";
import { made, say, tell } from "./elements.js";
import { BUSY, changeState, drawShares, noteOf, sign } from "./states.js";
import { count, duration } from "./words.js";
/** @import { StepView } from "./shape.js" */

export class Row {
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

export class Group {
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
