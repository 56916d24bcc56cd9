// Light, dark, or as the system: the choice is kept in this browser.

import {say} from "./dom.js";

const CHOICES = ["auto", "light", "dark"];
const KEY = "appliance-theme";

function stored() {
  try {
    return CHOICES.includes(localStorage[KEY]) ? localStorage[KEY] : "auto";
  } catch {
    return "auto";
  }
}

function apply(choice) {
  document.documentElement.dataset.theme = choice;
  try {
    localStorage[KEY] = choice;
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
  }
  repaintCharts();
}

/** Charts are drawn on a canvas: they read the colours again only when painted again. */
function repaintCharts() {
  for (const view of globalThis.Bokeh?.index ?? []) repaint(view);
}

function repaint(view) {
  view.request_repaint?.();
  for (const child of view.child_views ?? []) repaint(child);
}

/** Wire the button that goes round the three choices. */
export function setUp(button) {
  const show = (choice) => {
    button.dataset.choice = choice;
    say(button.querySelector("[data-text]"), {auto: "Auto", light: "Light", dark: "Dark"}[choice]);
    button.setAttribute("aria-label", `Theme: ${choice === "auto" ? "as the system" : choice}. Change`);
  };
  show(stored());
  button.addEventListener("click", () => {
    const next = CHOICES[(CHOICES.indexOf(stored()) + 1) % CHOICES.length];
    apply(next);
    show(next);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaintCharts);
}
