import {h, say} from "../dom.js";
import {count, money, NO_DATA, percent} from "../format.js";

const HEAD = ["Campaign", "Sends", "Open rate", "Click rate", "Conversions", "Revenue"];

/** One row a campaign, the largest first; rates carry a bar on one scale for the whole column. */
export function campaigns(element) {
  const body = h("tbody");
  const nothing = h("p", {class: "nothing"});
  const grid = h("table", {class: "campaigns"},
    h("caption", {class: "sr-only"}, "Campaigns of the last 24 hours"),
    h("thead", {}, h("tr", {}, HEAD.map((text) => h("th", {scope: "col"}, text)))), body);
  element.replaceChildren(grid, nothing);
  let drawn = "";
  return ({campaigns: rows, revenue: {currency}, funnel: {steps}}) => {
    // Campaigns are taken less often than the funnel: the first mails stand in it some seconds earlier.
    say(nothing, steps[0].users > 0 ? "Counted within some seconds." : "No campaign has sent anything in the last 24 h.");
    const text = JSON.stringify(rows);
    if (text === drawn) return; // so that a selection stays
    drawn = text;
    nothing.hidden = rows.length > 0;
    grid.hidden = rows.length === 0;
    const top = {open: highest(rows, "open_rate"), click: highest(rows, "click_rate")};
    body.replaceChildren(...rows.map((row) => line(row, top, currency)));
  };
}

const highest = (rows, key) => Math.max(1e-9, ...rows.map((row) => row[key] ?? 0));

function line(row, top, currency) {
  const name = row.campaign_id ?? "(no campaign)";
  return h("tr", {"data-campaign": name},
    h("th", {scope: "row", title: name}, h("span", {class: "id"}, name)),
    cell("Sends", count(row.sends)),
    rate("Open rate", row.open_rate, top.open, "a"),
    rate("Click rate", row.click_rate, top.click, "b"),
    cell("Conversions", count(row.conversions)),
    cell("Revenue", money(row.revenue, currency, 2)));
}

const cell = (label, text) => h("td", {"data-label": label}, h("span", {class: "figure"}, text));

function rate(label, value, top, tone) {
  const known = value !== null && value !== undefined;
  return h("td", {"data-label": label, class: "rate"},
    h("span", {class: `inline ${tone}`, "aria-hidden": "true"}, h("i", {style: {width: `${known ? (100 * value) / top : 0}%`}})),
    h("span", {class: known ? "figure" : "figure none"}, known ? percent(value) : NO_DATA));
}
