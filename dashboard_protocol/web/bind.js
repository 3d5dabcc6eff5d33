/**
 * index.html says where each value of the model stands; this writes those that changed, never as markup.
 * data-text="path|format", data-set="attribute=path …", data-style="property=path|format …", data-each="path" for lists.
 */

import * as words from "./words.js";

export const $ = (id) => document.getElementById(id);
export const all = (selector) => [...document.querySelectorAll(selector)];
export const openDialog = () => document.querySelector("dialog[open]");

/** Value at a dotted path of a model, `|` a function of words.js; `!` asks whether it is missing. */
function reader(expression) {
  const [, not, path, format] = expression.match(/(!?)([^|]*)\|?(.*)/);
  const keys = path.split(".");
  const read = (model) => keys.reduce((value, key) => value?.[key], model);
  if (not) return (model) => !read(model);
  return format ? (model, whole) => words[format](read(model), whole) : read;
}

/** Compares with what was written last, so that the document is never read. */
function writer(expression, write) {
  const read = reader(expression);
  let was = writer;
  return (model, whole) => {
    const value = words.shown(read(model, whole));
    if (value !== was) write((was = value) ?? "");
  };
}

function setAttribute(node, name, value) {
  if (value === "" || value === false) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : value);
}

/** A copy of the list's first child for each item; items with a `key` keep theirs when others come or go. */
function repeat(list, path) {
  const read = reader(path);
  const pattern = list.firstElementChild;
  pattern.remove();
  const make = () => {
    const node = pattern.cloneNode(true);
    return { node, write: bind(node) };
  };
  let rows = new Map();
  return (model, whole) => {
    const items = read(model) ?? [];
    const keys = items.map(({ key }, i) => key ?? i);
    const next = new Map(keys.map((key) => [key, rows.get(key) ?? make()]));
    for (const [key, { node }] of rows) if (!next.has(key)) node.remove();
    keys.forEach((key, i) => {
      const { node, write } = next.get(key);
      if (list.children[i] !== node) list.insertBefore(node, list.children[i] ?? null);
      write(items[i], whole);
    });
    rows = next;
  };
}

const pairs = (list) => (list ? list.split(" ").map((pair) => pair.split("=")) : []);

function writers(node) {
  const { text, set, style, each } = node.dataset;
  return [
    ...pairs(set).map(([name, path]) => writer(path, (value) => setAttribute(node, name, value))),
    ...pairs(style).map(([name, path]) => writer(path, (value) => node.style.setProperty(name, value))),
    ...(text ? [writer(text, (value) => (node.textContent = value))] : []),
    ...(each ? [repeat(node, each)] : [...node.children].flatMap(writers)),
  ];
}

/** Draws a model, an item of a list in the `whole`, into an element and all that lies in it. */
export function bind(root) {
  const places = writers(root);
  return (model, whole = model) => places.forEach((write) => write(model, whole));
}
