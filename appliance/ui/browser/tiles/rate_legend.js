import {h, say} from "../dom.js";
import {metric, metricExact} from "../format.js";

/** What the lines are and where they stand now. `options.rates`: `[{title, metric, day, line}]`. */
export function rateLegend(element, {rates}) {
  const made = rates.map(({title, metric: name, day, line}) => {
    const now = h("strong", {"data-metric": name}, "\u2007");
    const dayNode = h("span", {class: "day", "data-metric": day}, "\u2007");
    const root = h("div", {class: "rate-item"},
      h("span", {class: `swatch ${line}`, "aria-hidden": "true"}),
      h("dt", {}, title), h("dd", {}, now, h("span", {class: "scope"}, " last hour")), h("dd", {}, dayNode, h("span", {class: "scope"}, " 24 h")));
    const draw = ({metrics}) => {
      say(now, metric(metrics[name]));
      say(dayNode, metric(metrics[day]));
      root.title = `${metricExact(metrics[name])}\n${metrics[name]?.definition ?? ""}`;
    };
    return {root, draw};
  });
  element.replaceChildren(h("dl", {class: "rates"}, made.map((item) => item.root)));
  return (snapshot) => made.forEach((item) => item.draw(snapshot));
}
