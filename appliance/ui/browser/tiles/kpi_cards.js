import {h, say} from "../dom.js";
import {change, exact, metric, metricExact, money} from "../format.js";
import {sparkline} from "./sparkline.js";

/** A row of cards. `options.cards`: `[{title, metric, growth, sparkline}]`, names of metrics and of a sparkline. */
export function kpiCards(element, {cards}) {
  const made = cards.map((card, i) => makeCard(card, `tip-${i}`));
  element.replaceChildren(h("div", {class: "kpis"}, made.map((card) => card.root)));
  return (snapshot) => made.forEach((card) => card.draw(snapshot));
}

function makeCard({title, metric: name, growth, sparkline: lineName}, tipId) {
  const value = h("p", {class: "value skeleton", "data-metric": name}, "\u2007");
  const others = h("p", {class: "others"});
  const delta = h("p", {class: "delta", "data-metric": growth}, "\u2007");
  const line = h("div", {class: "sparkbox"});
  const tip = h("div", {class: "tip", role: "tooltip", id: tipId});
  const root = h("article", {class: "card kpi", tabindex: "0", "aria-describedby": tipId},
    h("h3", {}, title), value, others, delta, line, tip);
  root.addEventListener("keydown", (event) => { if (event.key === "Escape") root.blur(); });
  const draw = ({metrics, sparklines}) => {
    const entry = metrics[name];
    value.classList.remove("skeleton");
    value.classList.toggle("none", entry?.value === null || entry === undefined);
    say(value, metric(entry));
    say(others, otherCurrencies(entry));
    drawDelta(delta, metrics[growth]);
    line.replaceChildren(sparkline(sparklines[lineName] ?? []));
    drawTip(tip, entry, metrics[growth]);
  };
  return {root, draw};
}

function otherCurrencies(entry) {
  const others = Object.entries(entry?.by_currency ?? {}).filter(([currency]) => currency !== entry.currency);
  if (others.length === 0) return "";
  const [[currency, amount], ...more] = others;
  return `and ${money(amount, currency)}${more.length ? ` and ${more.length} more` : ""}`;
}

function drawDelta(node, entry) {
  const known = entry && entry.value !== null;
  node.dataset.way = !known ? "none" : entry.value > 0 ? "up" : entry.value < 0 ? "down" : "same";
  if (!known) {
    node.replaceChildren("no comparison with the previous 24 h");
    return;
  }
  const arrow = {up: "▲", down: "▼", same: "■"}[node.dataset.way];
  node.replaceChildren(
    h("span", {class: "arrow", "aria-hidden": "true"}, arrow),
    h("strong", {}, change(entry)), " ", h("span", {class: "versus"}, "vs previous 24 h"));
}

function drawTip(node, entry, growth) {
  if (!entry) return;
  const lines = [h("strong", {}, metricExact(entry))];
  if (entry.denominator !== undefined) lines.push(h("span", {}, `${exact(entry.numerator)} of ${exact(entry.denominator)}`));
  for (const [currency, amount] of Object.entries(entry.by_currency ?? {})) {
    if (currency !== entry.currency) lines.push(h("span", {}, `${exact(amount)} ${currency}`));
  }
  lines.push(h("span", {class: "definition"}, entry.definition));
  if (growth?.definition) lines.push(h("span", {class: "definition"}, `Change: ${growth.definition}`));
  node.replaceChildren(...lines);
}
