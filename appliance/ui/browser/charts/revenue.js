import {table} from "../dom.js";
import {hour, money} from "../format.js";
import {gap, setRanges, setSource, showTable} from "../sources.js";

/** Revenue of each hour against the day before; the way to the unfinished hour is dotted. */
export function revenue({revenue: {currency, points, previous}}) {
  const starts = points.map((point) => Date.parse(point.start));
  const values = points.map((point) => gap(point.value));
  const when = points.map((point, i) => `${hour(starts[i])} UTC${point.complete ? "" : ", so far"}`);
  const text = points.map((point) => money(point.value, currency));
  const before = previous.map((value) => money(value, currency));
  const top = setRanges("revenue", [starts[0], starts.at(-1)], [...values, ...previous.map(gap)], 10);
  setSource("revenue", {
    start: starts, value: values, previous: previous.map(gap), when, text, before,
    ceiling: points.map(() => top),
    complete: points.map((point, i) => (point.complete ? values[i] : NaN)),
  });
  const open = Math.max(0, points.findIndex((point) => !point.complete) - 1);
  setSource("revenue-open", {start: starts.slice(open), value: values.slice(open)});
  for (const node of document.querySelectorAll("[data-currency]")) node.textContent = currency;
  showTable("revenue", () => table("Revenue an hour", ["Hour (UTC)", `Revenue (${currency})`, "The day before"],
    points.map((point, i) => [hour(starts[i]) + (point.complete ? "" : " (so far)"), text[i], before[i]]).reverse()));
}
