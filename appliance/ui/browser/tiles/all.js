import {campaigns} from "./campaigns.js";
import {funnel} from "./funnel.js";
import {heatmap} from "./heatmap.js";
import {kpiCards} from "./kpi_cards.js";
import {rateLegend} from "./rate_legend.js";

/** Tile kind → `(element, options) => draw(snapshot)`. */
export const TILES = {campaigns, funnel, heatmap, kpi_cards: kpiCards, rate_legend: rateLegend};
