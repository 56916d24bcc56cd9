// Colours of a heat map by rank, not by size: one crowded hour does not make all others look alike.

const CLASSES = 5;

/** At most five ranges of counts above 0, with about as many of the `values` in each: `[{level, low, high}]`. */
export function ranges(values) {
  const busy = values.filter((value) => value > 0).sort((a, b) => a - b);
  if (busy.length === 0) return [];
  const nth = (i) => busy[Math.ceil(((i + 1) * busy.length) / CLASSES) - 1];
  const highs = [...new Set(Array.from({length: CLASSES}, (_, i) => nth(i)))];
  return highs.map((high, i) => ({level: level(i, highs.length), low: i === 0 ? 1 : highs[i - 1] + 1, high}));
}

/** The colour of `value`: 0 for none, up to 5. */
export function levelOf(value, spans) {
  return value <= 0 ? 0 : spans.find(({high}) => value <= high).level;
}

/** The last range always has the strongest colour. */
const level = (i, length) => (length === 1 ? CLASSES : 1 + Math.round(((CLASSES - 1) * i) / (length - 1)));
