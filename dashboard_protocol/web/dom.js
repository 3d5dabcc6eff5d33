/** The few ways the page touches its document: write only what differs, never markup. */

const SVG = "http://www.w3.org/2000/svg";
export const $ = (id) => document.getElementById(id);

export function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

/** Set or, with null, remove an attribute. */
export function attr(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== `${value}`) node.setAttribute(name, value);
}

export function style(node, name, value) {
  if (node.style[name] !== value) node.style[name] = value;
}

export function hide(node, hidden) {
  if (node.hidden !== hidden) node.hidden = hidden;
}

export function el(tag, className = "", ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const name in attributes) node.setAttribute(name, attributes[name]);
  node.append(...children);
  return node;
}

/** Make `list` hold exactly as many children as there are items, then fill each. */
export function each(list, items, make, fill) {
  while (list.children.length > items.length) list.lastElementChild.remove();
  while (list.children.length < items.length) list.append(make());
  items.forEach((item, i) => fill(list.children[i], item, i));
}

/** Meter of four blocks, filled from the bottom up. */
export function fillMeter(meter, level, dashed, label) {
  if (!meter.children.length) meter.append(...[3, 2, 1, 0].map(() => el("i")));
  [...meter.children].forEach((block, i) => block.classList.toggle("on", level !== null && 3 - i <= level));
  meter.classList.toggle("dashed", dashed);
  attr(meter, "aria-label", label);
}
