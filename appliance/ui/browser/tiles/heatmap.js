import {h, say} from "../dom.js";
import {compact, count} from "../format.js";
import {levelOf, ranges} from "./heat_scale.js";
import {walk} from "./heat_keys.js";

/** A week of hours as a real table: the colour is one sign, the number in each cell the other. */
export function heatmap(element) {
  const grid = h("table", {class: "heat", role: "grid"}, h("caption", {class: "sr-only"}, "Active events by day of the week and hour. The arrow keys go from hour to hour."));
  const readout = h("span", {class: "readout"});
  const scale = h("span", {class: "scale"});
  element.replaceChildren(grid, h("p", {class: "heatfoot"}, readout, scale));
  let cells = null;
  let shown = null; // the cell that is pointed at or has the focus
  let busiest = "";
  const point = (cell) => {
    shown = cell;
    say(readout, cell ? cell.dataset.say : busiest);
  };
  for (const kind of ["pointerover", "focusin"]) grid.addEventListener(kind, ({target}) => point(target.closest("td[data-say]")));
  for (const kind of ["pointerleave", "focusout"]) grid.addEventListener(kind, () => point(null));
  return ({heatmap: {days, hours, values}, timezone}) => {
    for (const node of document.querySelectorAll("[data-zone]")) node.textContent = timezone;
    const spans = ranges(values.flat());
    cells ??= build(grid, days, hours);
    values.forEach((row, day) => row.forEach((value, hour) => {
      const cell = cells[day][hour];
      cell.dataset.level = levelOf(value, spans);
      cell.dataset.say = `${when(days[day], hours[hour])}: ${count(value)} events`;
      say(cell.firstChild, String(value));
    }));
    drawScale(scale, spans);
    busiest = tellBusiest(values, days, hours);
    point(shown);
  };
}

function build(grid, days, hours) {
  const cells = days.map(() => hours.map(() => h("td", {role: "gridcell", tabindex: "-1"}, h("span", {class: "sr-only"}))));
  grid.append(
    h("thead", {}, h("tr", {}, h("td", {}), hours.map((hour) => h("th", {scope: "col", "data-third": hour % 3 === 0}, pad(hour))))),
    h("tbody", {}, days.map((day, i) => h("tr", {}, h("th", {scope: "row"}, day), cells[i]))));
  walk(grid, cells);
  return cells;
}

/** Each colour with the counts it stands for. */
function drawScale(scale, spans) {
  const known = [{level: 0, low: 0, high: 0}, ...spans];
  const text = JSON.stringify(known);
  if (scale.dataset.spans === text) return;
  scale.dataset.spans = text;
  scale.replaceChildren(...known.map(({level, low, high}) =>
    h("span", {}, h("i", {"data-level": level, "aria-hidden": "true"}), low === high ? compact(low) : `${compact(low)}–${compact(high)}`)));
}

const pad = (hour) => String(hour).padStart(2, "0");
const when = (day, hour) => `${day} ${pad(hour)}:00–${pad((hour + 1) % 24)}:00`;

function tellBusiest(values, days, hours) {
  const highest = Math.max(0, ...values.flat());
  if (highest === 0) return "no active events in these 7 days";
  const day = values.findIndex((row) => row.includes(highest));
  return `busiest: ${when(days[day], hours[values[day].indexOf(highest)])}, ${count(highest)} events`;
}
