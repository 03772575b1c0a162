// The picture as elements of this page, built anew from the few that a picture needs.

import { drawn, SVG } from "./elements.js";

const ELEMENTS = new Set(["svg", "g", "path", "rect", "circle", "text", "title"]);
const ATTRIBUTES = new Set([
  "class", "d", "x", "y", "width", "height", "rx", "r", "cx", "cy", "transform", "viewBox", "fill", "fill-opacity",
  "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "font-size", "font-weight",
  "font-family", "text-anchor",
]);
const PLAIN = /^[\w\s#.,%()"'-]*$/;

/**
 * The picture as elements of this page: only what draws, with nothing that could run, load, link or be addressed.
 * @param {Element} element of the parsed SVG @param {Map<string, Element>} byId filled with what had an id
 * @returns {Element}
 */
export function imported(element, byId) {
  const copy = drawn(element.localName);
  for (const { name, value } of element.attributes) {
    if (ATTRIBUTES.has(name) && (name === "d" || (PLAIN.test(value) && !value.includes("url")))) copy.setAttribute(name, value);
  }
  for (const name of ["data-from", "data-to"]) {
    const value = element.getAttribute(name);
    if (value !== null) copy.setAttribute(name, value);
  }
  if (element.id) byId.set(element.id, copy);
  for (const child of element.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) copy.append(child.textContent ?? "");
    else if (child instanceof Element && child.namespaceURI === SVG && ELEMENTS.has(child.localName)) copy.append(imported(child, byId));
  }
  return copy;
}
