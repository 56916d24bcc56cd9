// What the page knows. One per page: the socket writes it, tiles and charts listen.

const state = {
  snapshot: null, // what is shown
  link: "connecting", // connecting | up | lost
  paused: false,
  clockOffsetMs: 0, // the server's clock minus this one's
};
let newest = null; // arrived while paused
const listeners = new Set();

export const read = () => state;

/** Call `listener(state)` now and at each change, until the returned function is called. */
export function subscribe(listener) {
  listeners.add(listener);
  listener(state);
  return () => listeners.delete(listener);
}

export function receive(snapshot) {
  newest = snapshot;
  if (!state.paused) update({snapshot});
}

export function setPaused(paused) {
  update(paused ? {paused} : {paused, snapshot: newest});
}

export function update(changes) {
  Object.assign(state, changes);
  for (const listener of listeners) listener(state);
}

/** The server's present, in milliseconds since the epoch, by this machine's clock and the known offset. */
export const serverNow = () => Date.now() + state.clockOffsetMs;
