// Elements of our own. Whatever comes from a notebook is a child here, so it reaches the page as text alone.

import { clean } from '../../../nbflow/static/view.js';

export function made<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: { [name: string]: string } = {},
  ...children: (Node | string | null)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  for (const child of children) if (child !== null) element.append(typeof child === 'string' ? clean(child) : child);
  return element;
}

export function button(label: string, title: string, clicked: () => void, classes = ''): HTMLButtonElement {
  const element = made('button', { type: 'button', class: `nbf-button ${classes}`.trim(), title }, label);
  element.addEventListener('click', event => {
    event.stopPropagation();
    clicked();
  });
  return element;
}
