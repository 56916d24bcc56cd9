import {table} from "../dom.js";
import {hour, percent} from "../format.js";
import {gap, setRanges, setSource, showTable} from "../sources.js";

const NAMES = ["open", "click", "click_to_open"];

/** Engagement rates of each hour's own events; an hour without a base is a gap. */
export function rates({rates: {points}}) {
  const starts = points.map((point) => Date.parse(point.start));
  const soFar = (i) => (i === points.length - 1 ? ", so far" : "");
  const data = {start: starts, when: starts.map((start, i) => `${hour(start)} UTC${soFar(i)}`)};
  for (const name of NAMES) {
    data[name] = points.map((point) => gap(point[name]));
    data[`${name}_text`] = points.map((point) => percent(point[name], 2));
  }
  const top = setRanges("rates", [starts[0], starts.at(-1)], NAMES.flatMap((name) => data[name]), 1);
  data.ceiling = points.map(() => top);
  setSource("rates", data);
  showTable("rates", () => table("Engagement rates an hour", ["Hour (UTC)", "Open", "Click", "Click to open"],
    points.map((point, i) => [hour(starts[i]) + soFar(i), ...NAMES.map((name) => percent(point[name], 2))]).reverse()));
}
