// One tab stop for a grid of cells; the arrow keys, Home and End go from there.

const STEPS = {
  ArrowUp: ([row, column]) => [row - 1, column],
  ArrowDown: ([row, column]) => [row + 1, column],
  ArrowLeft: ([row, column]) => [row, column - 1],
  ArrowRight: ([row, column]) => [row, column + 1],
  Home: ([row]) => [row, 0],
  End: ([row]) => [row, Infinity],
};

const within = (index, length) => Math.max(0, Math.min(length - 1, index));

/** Let the keyboard reach the `cells`, rows of elements inside `grid`. */
export function walk(grid, cells) {
  let at = [0, 0];
  const stop = (index) => cells[at[0]][at[1]].setAttribute("tabindex", String(index));
  stop(0);
  grid.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const [row, column] = step(at);
    stop(-1);
    at = [within(row, cells.length), within(column, cells[0].length)];
    stop(0);
    cells[at[0]][at[1]].focus();
  });
}
