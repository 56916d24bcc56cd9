import {table} from "../dom.js";
import {hour, money} from "../format.js";
import {gap, setRanges, setSource, showTable} from "../sources.js";

/** Revenue of each hour against the day before; the way to the unfinished hour is dotted. */
export function revenue({revenue: {currency, points, previous}}) {
  const starts = points.map((point) => Date.parse(point.start));
  const values = points.map((point) => gap(point.value));
  const when = points.map((point, i) => `${hour(starts[i])} UTC${point.complete ? "" : ", so far"}`);
  const text = points.map((point) => money(point.value, currency, 2));
  const before = previous.map((value) => money(value, currency, 2));
  const top = setRanges("revenue", [starts[0], starts.at(-1)], [...values, ...previous.map(gap)], 10);
  setSource("revenue", {
    start: starts, value: values, previous: previous.map(gap), when, text, before,
    ceiling: points.map(() => top),
  });
  const unfinished = points.findIndex((point) => !point.complete);
  const end = unfinished < 0 ? points.length : unfinished;
  setSource("revenue-whole", {start: starts.slice(0, end), value: values.slice(0, end)});
  setSource("revenue-open", {start: starts.slice(Math.max(0, end - 1)), value: values.slice(Math.max(0, end - 1))});
  for (const node of document.querySelectorAll("[data-currency]")) node.textContent = currency;
  showTable("revenue", () => table("Revenue an hour", ["Hour (UTC)", `Revenue (${currency})`, "The day before"],
    points.map((point, i) => [hour(starts[i]) + (point.complete ? "" : " (so far)"), text[i], before[i]]).reverse()));
}
