import {h, table} from "../dom.js";
import {count, NO_DATA, percent} from "../format.js";
import {showTable} from "../sources.js";

/** People who reached each step, as bars of the first; the drop between two steps is told between them. */
export function funnel(element) {
  const list = h("ol", {class: "funnel"});
  element.replaceChildren(list);
  return ({funnel: {steps}}) => {
    list.replaceChildren(...steps.map((step, i) => row(step, steps[i - 1], steps[0])));
    showTable("funnel", () => table("E-mail funnel", ["Step", "People", "Of the first step", "Of the step before"],
      steps.map((step, i) => [
        step.name, count(step.users), percent(step.percent_of_first, 2), i === 0 ? "" : percent(ofPrevious(step, steps[i - 1]), 2),
      ])));
  };
}

const ofPrevious = (step, previous) => (previous && previous.users > 0 ? (100 * step.users) / previous.users : null);

function row(step, previous, first) {
  const share = step.percent_of_first;
  return h("li", {"data-step": step.event_type},
    h("span", {class: "name"}, step.name),
    h("span", {class: "track", "aria-hidden": "true"}, h("span", {class: "bar", style: {width: `${Math.min(100, share ?? 0)}%`, "min-width": step.users > 0 ? "3px" : "0"}})),
    h("span", {class: "users"}, count(step.users)),
    h("span", {class: "shares"},
      h("span", {class: "first"}, step === first ? (share === null ? NO_DATA : percent(share, 0)) : of(share, first)),
      h("span", {class: "previous"}, previous && previous !== first ? of(ofPrevious(step, previous), previous) : "")));
}

const of = (share, step) => (share === null ? NO_DATA : `${percent(share)} of ${step.name.toLowerCase()}`);
