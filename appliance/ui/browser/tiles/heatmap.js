import {h, say} from "../dom.js";
import {compact, count} from "../format.js";

const LEVELS = 6;

/** A week of hours as a real table: the colour is one sign, the number in each cell the other. */
export function heatmap(element) {
  const grid = h("table", {class: "heat"}, h("caption", {class: "sr-only"}, "Active events by day of the week and hour, UTC"));
  const readout = h("span", {class: "readout"});
  const most = h("span", {class: "most"}, "");
  const scale = h("span", {class: "scale", "aria-hidden": "true"}, "0", Array.from({length: LEVELS}, (_, i) => h("i", {"data-level": i})), most);
  element.replaceChildren(grid, h("p", {class: "heatfoot"}, readout, scale));
  const point = (event) => {
    const cell = event.target.closest("td[data-say]");
    if (cell) say(readout, cell.dataset.say);
  };
  grid.addEventListener("pointerover", point);
  let cells = null;
  return ({heatmap: {days, hours, values}}) => {
    const highest = Math.max(0, ...values.flat());
    cells ??= build(grid, days, hours);
    values.forEach((row, day) => row.forEach((value, hour) => {
      const cell = cells[day][hour];
      cell.dataset.level = level(value, highest);
      cell.dataset.say = `${days[day]} ${pad(hours[hour])}:00–${pad((hours[hour] + 1) % 24)}:00: ${count(value)} events`;
      say(cell.firstChild, String(value));
    }));
    say(most, compact(highest));
    if (!grid.matches(":hover")) say(readout, busiest(values, days, hours, highest));
  };
}

const pad = (hour) => String(hour).padStart(2, "0");
const level = (value, highest) => (value <= 0 ? 0 : Math.max(1, Math.ceil(((LEVELS - 1) * value) / highest)));

function build(grid, days, hours) {
  const cells = days.map(() => hours.map(() => h("td", {}, h("span", {class: "sr-only"}))));
  grid.append(
    h("thead", {}, h("tr", {}, h("td", {}), hours.map((hour) => h("th", {scope: "col", "data-third": hour % 3 === 0}, pad(hour))))),
    h("tbody", {}, days.map((day, i) => h("tr", {}, h("th", {scope: "row"}, day), cells[i]))));
  return cells;
}

function busiest(values, days, hours, highest) {
  if (highest === 0) return "no active events in these 7 days";
  const day = values.findIndex((row) => row.includes(highest));
  const hour = hours[values[day].indexOf(highest)];
  return `busiest: ${days[day]} ${pad(hour)}:00–${pad((hour + 1) % 24)}:00, ${count(highest)} events`;
}
