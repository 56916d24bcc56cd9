import {activity} from "./activity.js";
import {rates} from "./rates.js";
import {revenue} from "./revenue.js";

/** Chart name → what carries a snapshot into its sources and its table. */
export const CHARTS = {activity, rates, revenue};
