// The widget of a notebook, around the renderer.
//
// All that is drawn stands in the model, so a page that is loaded again has it again: `head` (the view without its
// picture and its steps, which are counted), `graph`, and `step0`, `step1`, …, each as JSON.

import { mount } from "./view.js";
import { made, say } from "./view/elements.js";
/** @import { RunChange } from "./view.js" */

/** How long a cell that was jumped to is marked, in milliseconds. */
const MARKED = 1200;

const GONE = "The kernel that showed this is gone. Run the cell again: it shows the run as it stands, live.";

/** The lines that begin a step, as a front end shows them. @param {Element} cell @param {string} name */
function begins(cell, name) {
  const [magic, step] = (cell.querySelector(".cm-line")?.textContent ?? "").trim().split(/\s+/);
  return (magic === "%%step" || magic === "%step") && step === name;
}

/**
 * The cell of a step, looked for through the whole notebook: a front end draws only those that are near.
 * @param {Element} notebook @param {string} name
 */
async function cellOf(notebook, name) {
  const found = () => [...notebook.querySelectorAll(".jp-Cell")].find((cell) => begins(cell, name));
  const outer = notebook.querySelector(".jp-WindowedPanel-outer") ?? notebook;
  const here = outer.scrollTop;
  for (let top = 0; !found() && top < outer.scrollHeight; top += Math.max(outer.clientHeight * 0.8, 50)) {
    outer.scrollTop = top;
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  const cell = found();
  if (!cell) outer.scrollTop = here;
  return cell;
}

/** Show the cell of a step. @param {Element} host @param {string} name what its step line calls it */
async function jump(host, name) {
  const notebook = host.closest(".jp-Notebook");
  const cell = notebook && (await cellOf(notebook, name));
  if (!cell) return false;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  cell.scrollIntoView({ block: "center", behavior: still ? "auto" : "smooth" });
  const line = { outline: "2px solid #0969da", outlineOffset: "-2px" };
  cell.animate([line, { ...line, offset: 0.7 }, { outline: "2px solid transparent", outlineOffset: "-2px" }], MARKED);
  return true;
}

/**
 * @typedef {{get: (name: string) => any, send: (content: unknown) => void,
 *   on: (event: string, told: () => void) => void, off: (event: string, told: () => void) => void}} Model
 */

/** What a host of widgets asks for, once for each model. */
export default () => {
  /** The step whose details are shown: a host may draw the same model again. @type {string | null} */
  let chosen = null;
  return {
    /** @param {{model: Model, el: HTMLElement}} given */
    render({ model, el }) {
      const said = made("p", { class: "nbf-view nbf-notice", role: "status" });
      const host = made("div");
      el.append(host, said);
      /** @type {Map<string, string>} */
      let drawn = new Map();
      const actions = ["run", "cancel", "retry", "only"];
      if (document.querySelector(".jp-Notebook")) actions.push("jump");
      const drawing = mount(host, {
        actions,
        onSelect: (step) => { chosen = step; },
        onAction: (action, step) => {
          if (action !== "jump") {
            say(said, "");
            try {
              model.send({ action, step });
            } catch {
              lose();
            }
          } else if (step !== null) {
            const name = step.slice(step.lastIndexOf(".") + 1);
            void jump(el, name).then((there) => say(said, there ? "" : `The cell of ${name} is not in this notebook as it is now.`));
          }
        },
      });
      const lose = () => {
        drawing.stop();
        say(said, GONE);
      };
      /** The value of a name, where it is not what was drawn. @param {string} name @param {string} text */
      const anew = (name, text) => {
        if (drawn.get(name) === text) return false;
        drawn.set(name, text);
        return true;
      };
      const draw = () => {
        const head = JSON.parse(model.get("head") || "null");
        if (head === null) return;
        if (anew("run", head.run)) drawn = new Map([["run", head.run]]);
        const { steps: count, ...rest } = head;
        const change = /** @type {RunChange} */ ({ version: head.version, run: head.run });
        for (const [name, value] of Object.entries(rest)) if (anew(name, JSON.stringify(value))) Object.assign(change, { [name]: value });
        if (anew("graph", model.get("graph"))) change.graph = JSON.parse(model.get("graph"));
        const steps = [];
        for (let n = 0; n < count; n++) {
          const text = model.get(`step${n}`);
          if (text && anew(`step ${n}`, text)) steps.push(JSON.parse(text));
        }
        if (steps.length) change.steps = steps;
        drawing.update(change);
      };
      const tell = () => say(said, JSON.parse(model.get("said") || '""'));
      const before = chosen; // drawing begins with nothing chosen
      draw();
      tell();
      if (before !== null) drawing.select(before);
      model.on("change:head", draw);
      model.on("change:said", tell);
      model.on("comm_live_update", lose); // after a restart, and where the kernel closes it
      return () => {
        model.off("change:head", draw);
        model.off("change:said", tell);
        model.off("comm_live_update", lose);
        drawing.destroy();
      };
    },
  };
};
