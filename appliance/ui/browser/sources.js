// Figures go to Bokeh's data sources by name. `sync: false` keeps the change in the browser: no session hears of it.

import {h} from "./dom.js";

function set(name, changes) {
  for (const doc of globalThis.Bokeh?.documents ?? []) doc.get_model_by_name(name)?.setv(changes, {sync: false});
}

export const setSource = (name, data) => set(name, {data});

const TICKS = [1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10];

/** Let a chart show the time from `start` to `end`, and values from 0 (or a little under the lowest) to a little over the highest.
 *
 * Returns the top, which the chart's hover bands reach up to.
 */
export function setRanges(name, [start, end], values, leastTop) {
  const known = values.filter((value) => Number.isFinite(value));
  const highest = Math.max(leastTop, ...known);
  const size = 10 ** Math.floor(Math.log10(highest));
  const top = size * TICKS.find((tick) => tick * size >= highest * 1.02 || tick === 10);
  const edge = (end - start) / 100;
  set(`${name}-x`, {start: start - edge, end: end + edge});
  set(`${name}-y`, {start: 1.1 * Math.min(0, ...known), end: top});
  return top;
}

/** Bokeh takes NaN for a gap, JSON has only null. */
export const gap = (value) => (value === null || value === undefined ? NaN : value);

/** Rewrite a chart's table, if it is open. */
export function showTable(name, makeTable) {
  const details = document.querySelector(`details[data-table="${name}"]`);
  if (!details) return;
  const fill = () => { if (details.open) details.querySelector("[data-rows]").replaceChildren(makeTable()); };
  details.ontoggle = fill;
  fill();
}

/** An error stays inside its tile. */
export function inside(node, draw) {
  try {
    draw();
  } catch (error) {
    console.error(error);
    node?.replaceChildren(h("p", {class: "failed", role: "alert"}, "This tile could not be drawn."));
  }
}
