import {s} from "../dom.js";

const WIDTH = 120;
const HEIGHT = 32;
const EDGE = 3;

/** A line over the values, broken where one is missing, with a dot on the last that there is.
 *
 * It shows a shape, not sizes: it stands on 0 unless the values keep so far from it that their shape would be lost.
 */
export function sparkline(values) {
  const known = values.filter((value) => value !== null);
  const svg = s("svg", {class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true"});
  if (known.length === 0) return svg;
  const high = Math.max(...known);
  const least = Math.min(...known);
  const low = least > high / 2 ? least : Math.min(0, least);
  const range = high - low || 1;
  const at = (value, i) => [
    EDGE + (i * (WIDTH - 2 * EDGE)) / Math.max(1, values.length - 1),
    HEIGHT - EDGE - ((value - low) / range) * (HEIGHT - 2 * EDGE),
  ];
  let path = "";
  let pen = "M";
  values.forEach((value, i) => {
    if (value === null) { pen = "M"; return; }
    path += `${pen}${at(value, i).map((number) => number.toFixed(1)).join(" ")}`;
    pen = "L";
  });
  const last = values.findLastIndex((value) => value !== null);
  const [x, y] = at(values[last], last);
  svg.append(
    s("path", {class: "line", d: path, "vector-effect": "non-scaling-stroke"}),
    s("path", {class: "dot", d: `M${x.toFixed(1)} ${y.toFixed(1)}h0.01`, "vector-effect": "non-scaling-stroke"}),
  );
  return svg;
}
