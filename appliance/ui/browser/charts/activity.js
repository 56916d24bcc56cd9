import {table} from "../dom.js";
import {count, minute} from "../format.js";
import {setRanges, setSource, showTable} from "../sources.js";

const HALF_MINUTE = 30_000;
const UNFINISHED_ALPHA = 0.4;

/** Events of each minute of the last hour, a bar each; the running minute is lighter. */
export function activity({activity: {points}}) {
  const starts = points.map((point) => Date.parse(point.start));
  const last = points.length - 1;
  const top = setRanges("activity", [starts[0], starts[last] + 2 * HALF_MINUTE], points.map((point) => point.events), 4);
  setSource("activity", {
    middle: starts.map((start) => start + HALF_MINUTE),
    events: points.map((point) => point.events),
    alpha: points.map((_, i) => (i === last ? UNFINISHED_ALPHA : 1)),
    when: starts.map((start, i) => `${minute(start)} UTC${i === last ? ", so far" : ""}`),
    text: points.map((point) => count(point.events)),
    ceiling: points.map(() => top),
  });
  showTable("activity", () => table("Events a minute", ["Minute (UTC)", "Events"],
    points.map((point, i) => [minute(starts[i]) + (i === last ? " (so far)" : ""), count(point.events)]).reverse()));
}
