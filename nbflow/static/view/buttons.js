// What a person may ask for, as buttons.

import { made } from "./elements.js";
/** @import { Options } from "./shape.js" */

/** What a person reads on the buttons, and where they stand. @type {{[action: string]: string}} */
const BUTTONS = { run: "Run", cancel: "Cancel", retry: "Retry what failed", only: "Run this step", jump: "Go to cell" };

/** Those that make sense now and that the host can do. @param {string[]} actions @param {Options} options @param {string | null} step */
export function buttonsFor(actions, options, step) {
  const can = options.onAction ? (options.actions ?? []) : [];
  return actions.filter((action) => can.includes(action) && action in BUTTONS).map((action) => {
    const button = made("button", { type: "button", class: `nbf-button nbf-do-${action}`, "data-key": `do ${action}` }, BUTTONS[action] ?? "");
    button.addEventListener("click", () => options.onAction?.(action, step));
    return button;
  });
}
