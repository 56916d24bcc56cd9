// The page's one connection: opens, watches, reconnects, hands snapshots to the store.

import {SIGNED_OUT, signInIfNeeded, toSignIn} from "./session.js";
import {read, receive, update} from "./store.js";

const SILENCE_MS = 15_000; // the server says something every 5 s
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 8_000;

let socket = null;
let retryMs = FIRST_RETRY_MS;
let retryTimer = null;
let watchdog = null;

/** Connect to `path`, relative to the page, and stay connected. */
export function follow(path) {
  const url = new URL(path, document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  connect(url);
  const hurry = () => { if (socket === null && document.visibilityState === "visible") connect(url); };
  window.addEventListener("online", hurry);
  document.addEventListener("visibilitychange", hurry);
}

function connect(url) {
  clearTimeout(retryTimer);
  const opened = new WebSocket(url);
  socket = opened;
  opened.onmessage = (event) => { if (opened === socket) take(JSON.parse(event.data), url); };
  opened.onclose = (event) => {
    if (opened !== socket) return;
    if (event.code === SIGNED_OUT) toSignIn();
    else lose(url);
  };
  watch(url);
}

function take(message, url) {
  watch(url);
  retryMs = FIRST_RETRY_MS;
  update({link: "up", clockOffsetMs: Date.parse(message.sent_at) - Date.now()});
  if (message.type === "snapshot") receive(message.snapshot);
}

function watch(url) {
  clearTimeout(watchdog);
  watchdog = setTimeout(() => lose(url), SILENCE_MS);
}

function lose(url) {
  clearTimeout(watchdog);
  const dead = socket;
  socket = null;
  dead?.close();
  if (read().link !== "lost") update({link: "lost"});
  signInIfNeeded();
  retryTimer = setTimeout(() => connect(url), retryMs * (0.75 + Math.random() / 2));
  retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
}
