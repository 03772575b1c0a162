// Elements of the page, and their text and attributes, which are left alone where they say the same already.
//
// Whatever comes from a notebook goes through `clean` here.

import { clean } from "./words.js";

export const SVG = "http://www.w3.org/2000/svg";

/**
 * An HTML element. `class` and attributes are ours; children that are text go through `clean`.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag @param {{[name: string]: string}} [attributes] @param {...(Node | string | null)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function made(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  for (const child of children) {
    if (child !== null) element.append(typeof child === "string" ? clean(child) : child);
  }
  return element;
}

/** @param {string} tag @param {{[name: string]: string}} [attributes] @param {...Node} children */
export function drawn(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Let an element say this; a page that says it already is left alone. @param {Element} element @param {string} text */
export function say(element, text) {
  const said = clean(text);
  if (element.textContent !== said) element.textContent = said;
}

/** @param {Element} element @param {string} name @param {string} value */
export function tell(element, name, value) {
  const said = clean(value);
  if (element.getAttribute(name) !== said) element.setAttribute(name, said);
}

/** @param {HTMLElement | SVGElement} element @param {string} name @param {number | string} value */
export function set(element, name, value) {
  if (element.style.getPropertyValue(name) !== String(value)) element.style.setProperty(name, String(value));
}

/** A path from the run's folder as an address that leads nowhere else. @param {string} base @param {string} path */
export function address(base, path) {
  return base + path.split("/").map((part) => encodeURIComponent(part)).join("/");
}
