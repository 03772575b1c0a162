// The one renderer of a run: the notebook's widget loads it, the report inlines it, the JupyterLab panel imports it.
//
// It draws and decides nothing: words, reasons, states and what may be asked for come in the view (nbflow/core/view,
// golden files in tests/wire). Whatever a notebook says (names, values, errors, printed text) reaches the page through
// `say` alone, as text; the picture is built anew from the few elements and attributes that a picture needs. It loads
// nothing and keeps nothing. Types are checked by TypeScript (tests/js).
//
// Its modules lie in view/, and `page` puts them together. They keep to the few forms in which nbflow/render/scripts.py
// can join them, for a page that takes one script.

export { VERSION, clean, cleanBlock, duration, mount, sign, size, stateClass } from "./view/page.js";

/**
 * @typedef {import("./view/page.js").UsageView} UsageView
 * @typedef {import("./view/page.js").AttemptView} AttemptView
 * @typedef {import("./view/page.js").StepTimeView} StepTimeView
 * @typedef {import("./view/page.js").ThingView} ThingView
 * @typedef {import("./view/page.js").StepView} StepView
 * @typedef {import("./view/page.js").RunTimeView} RunTimeView
 * @typedef {import("./view/page.js").GraphView} GraphView
 * @typedef {import("./view/page.js").RunView} RunView
 * @typedef {import("./view/page.js").RunChange} RunChange
 * @typedef {import("./view/page.js").Options} Options
 * @typedef {import("./view/page.js").Drawing} Drawing
 */
