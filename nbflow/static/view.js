// The one renderer of a run: the notebook's widget loads it, the report inlines it, the JupyterLab panel imports it.
//
// It draws and decides nothing: words, reasons, states and what may be asked for come in the view (nbflow/core/view,
// golden files in tests/wire). Whatever a notebook says (names, values, errors, printed text) reaches the page through
// `say` alone, as text; the picture is built anew from the few elements and attributes that a picture needs. It loads
// nothing and keeps nothing. Types are checked by TypeScript (tests/js).
//
// Its modules lie in view/, and `page` puts them together. They keep to the few forms in which nbflow/render/scripts.py
// can join them, for a page that takes one script.

export { mount } from "./view/page.js";
export { VERSION } from "./view/shape.js";
export { sign, stateClass } from "./view/states.js";
export { clean, cleanBlock, duration, size } from "./view/words.js";

/**
 * @typedef {import("./view/shape.js").UsageView} UsageView
 * @typedef {import("./view/shape.js").AttemptView} AttemptView
 * @typedef {import("./view/shape.js").StepTimeView} StepTimeView
 * @typedef {import("./view/shape.js").ThingView} ThingView
 * @typedef {import("./view/shape.js").StepView} StepView
 * @typedef {import("./view/shape.js").RunTimeView} RunTimeView
 * @typedef {import("./view/shape.js").GraphView} GraphView
 * @typedef {import("./view/shape.js").RunView} RunView
 * @typedef {import("./view/shape.js").RunChange} RunChange
 * @typedef {import("./view/shape.js").Options} Options
 * @typedef {import("./view/shape.js").Drawing} Drawing
 */
