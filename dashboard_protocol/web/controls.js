/** What the instructor does. */

import { openBeside, openOverlay } from "./beside.js";
import { $, all, openDialog } from "./bind.js";
import { openMark } from "./marks.js";
import { choose } from "./notify.js";

const KEYS = { p: "pause", c: "cover", d: "dismiss", w: "window", v: "values", s: "say", m: "mark", "?": "keys" };
/** What is intended may take so long, then alerts speak again; a snooze is shorter. */
const [INTENDED_S, SNOOZED_S] = [2700, 600];
const withModifier = (event) => event.ctrlKey || event.metaKey || event.altKey;

const press = (name, chosen) => {
  for (const button of all(`button[data-${name}]`)) button.setAttribute("aria-pressed", button.dataset[name] === chosen);
};

export function listen(ui, feed, { redraw, read, request, store, pause, say }) {
  const [, , room, isReport] = location.pathname.split("/");
  const prepare = { mark: openMark, overlay: openOverlay };
  /** Of `data-do`; any other word is the id of a dialog. */
  const actions = {
    pause, say, cover, again: isReport ? () => location.reload() : feed.tryNow, beside: () => openBeside(store, feed, ui),
    dismiss() {
      const { kind, action, id } = ui.model?.slot ?? {};
      if (kind === "trouble" && action) feed.tryNow();
      else if (kind === "quiet") ui.quiet = null;
      else if (action) ui.dismissed.add(id);
    },
    intended() {
      ui.quiet = { before: ui.model?.slot?.before, untilS: ui.model?.now + INTENDED_S };
    },
    snooze() {
      ui.quiet = { untilS: ui.model?.now + SNOOZED_S };
    },
    window() {
      const options = all("[data-window]").map(({ dataset }) => dataset.window);
      setWindow(options[(options.indexOf(`${ui.windowS}`) + 1) % options.length]);
    },
  };

  function act(name, button) {
    if (actions[name]) actions[name]();
    else open(name, button);
    request(true);
  }

  function open(name, button) {
    if (name !== "keys" && !ui.model?.live) return;
    if (name === "mark" && !ui.model.mayMark) return;
    ui.person = button?.dataset.person ?? null;
    prepare[name]?.(feed);
    $(name).showModal();
  }

  function cover() {
    ui.covered = !ui.covered;
    openDialog()?.close();
    for (const open of all(":popover-open")) open.hidePopover();
    document.body.toggleAttribute("data-covered", ui.covered);
    if (ui.covered) $("cover").focus();
  }

  function setWindow(seconds) {
    ui.windowS = Number(seconds);
    press("window", seconds);
    redraw();
  }

  function setTheme(theme) {
    localStorage.setItem("classpulse:theme", theme);
    document.documentElement.dataset.theme = theme;
    press("theme", theme);
  }

  document.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    const { do: action, window: seconds, theme } = button?.dataset ?? {};
    if (action && action !== "cover") button.closest("[popover]")?.hidePopover();
    if (action) act(action, button);
    if (seconds !== undefined) setWindow(seconds);
    if (theme !== undefined) setTheme(theme);
  });
  document.addEventListener("keydown", (event) => {
    if (withModifier(event) || event.repeat || !$("keys-on").checked || event.target.closest("input, textarea, select")) return;
    const action = KEYS[event.key.toLowerCase()];
    if (!action || ((ui.covered || openDialog()) && action !== "cover")) return;
    event.preventDefault();
    act(action);
  });

  const chart = $("chart");
  chart.onpointermove = chart.onpointerdown = ({ offsetX }) => ui.model?.chart && read(ui.model.chart.axis.at(offsetX / ui.zoom));
  chart.onpointerleave = ({ pointerType }) => pointerType === "mouse" && read(null);
  chart.onblur = () => read(null);
  chart.onkeydown = (event) => {
    if (!ui.model?.chart || withModifier(event)) return;
    const { from, to } = ui.model.chart.axis;
    const at = ui.cursor ?? to;
    const second = { ArrowLeft: at - 10, ArrowRight: at + 10, Home: from, End: to - 1, Escape: null }[event.key];
    if (second === undefined) return;
    event.preventDefault();
    read(second);
  };

  $("person").onclose = () => {
    ui.person = null;
    redraw();
  };
  for (const box of all("#menu [type=checkbox]")) {
    const kept = `classpulse:${box.id}`;
    box.checked = (localStorage.getItem(kept) ?? `${box.defaultChecked}`) === "true";
    box.onchange = async () => {
      await choose(box);
      localStorage.setItem(kept, box.checked);
    };
  }
  // The link waits in this tab: another language is the same page again.
  $("language").onchange = ({ target }) => (location.search = `?lang=${target.value}`);
  for (const link of all(".privacy")) link.href = `/privacy/${room}`;
  setTheme(document.documentElement.dataset.theme);
  setWindow("600");
}
