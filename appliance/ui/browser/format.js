// How figures are written. `null` is "no data" and never 0.

export const NO_DATA = "no data";

const LOCALE = "en-US";
const whole = new Intl.NumberFormat(LOCALE, {maximumFractionDigits: 0});
const exactly = new Intl.NumberFormat(LOCALE, {maximumFractionDigits: 4});
const compactly = new Intl.NumberFormat(LOCALE, {notation: "compact", maximumFractionDigits: 1});

const isMissing = (value) => value === null || value === undefined;

export const count = (value) => (isMissing(value) ? NO_DATA : whole.format(value));
export const compact = (value) => (isMissing(value) ? NO_DATA : compactly.format(value));
export const percent = (value, places = 1) => (isMissing(value) ? NO_DATA : `${fixed(value, places)}%`);
export const exact = (value) => (isMissing(value) ? NO_DATA : exactly.format(value));

function fixed(value, places) {
  return value.toLocaleString(LOCALE, {minimumFractionDigits: places, maximumFractionDigits: places});
}

/** Money as a person reads it: no cents from 1,000 on; in the rows of a table all with the same `places`. */
export function money(value, currency, places = Math.abs(value) >= 1000 ? 0 : 2) {
  if (isMissing(value)) return NO_DATA;
  try {
    return value.toLocaleString(LOCALE, {
      style: "currency", currency, minimumFractionDigits: places, maximumFractionDigits: places,
    });
  } catch {
    return `${fixed(value, places)} ${currency}`;
  }
}

/** A metric's value, short enough for a tile. */
export function metric(entry) {
  if (!entry || isMissing(entry.value)) return NO_DATA;
  if (entry.unit === "money") return money(entry.value, entry.currency);
  if (entry.unit === "percent") return percent(entry.value);
  return count(entry.value);
}

/** A metric's value to its last place. */
export function metricExact(entry) {
  if (!entry || isMissing(entry.value)) return NO_DATA;
  if (entry.unit === "money") return `${exact(entry.value)} ${entry.currency}`;
  if (entry.unit === "percent") return `${exact(entry.value)}%`;
  return exact(entry.value);
}

/** A change with its sign: `+12.4%`, `−1.3 pp`. */
export function change(entry) {
  if (entry.value === 0) return "no change";
  const sign = entry.value > 0 ? "+" : "−";
  const size = Math.abs(entry.value);
  const figure = size >= 1000 ? whole.format(size) : fixed(size, 1);
  return `${sign}${figure}${entry.unit === "percentage_points" ? " pp" : "%"}`;
}

/** `12:03:05`, in UTC. */
export const clock = (ms) => new Date(ms).toISOString().slice(11, 19);
/** `12:03`, in UTC. */
export const minute = (ms) => new Date(ms).toISOString().slice(11, 16);

/** `Tue 12:00`, in UTC. */
export function hour(ms) {
  const day = new Date(ms).toLocaleDateString(LOCALE, {weekday: "short", timeZone: "UTC"});
  return `${day} ${minute(ms)}`;
}

/** `3 s`, `4 min`, `2 h`, `3 d`. */
export function span(seconds) {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}
