// The header's pill: how old the figures are, said in words, in shape and in colour.

import {say} from "./dom.js";
import {clock, span} from "./format.js";
import {read, serverNow, setPaused, subscribe} from "./store.js";

const LATE_SECONDS = 5;
const STALE_SECONDS = 30;

function describe({snapshot, link, paused}) {
  if (snapshot === null) {
    return link === "lost"
      ? {level: "bad", text: "disconnected — no data yet", news: "Disconnected."}
      : {level: "wait", text: "connecting…", news: ""};
  }
  const asOf = Date.parse(snapshot.as_of);
  const time = `${clock(asOf)} UTC`;
  const behind = Math.max(0, (serverNow() - asOf) / 1000);
  if (link === "lost") return {level: "bad", text: `disconnected — last data ${time}`, news: `Disconnected. Last data ${time}.`};
  if (paused) return {level: "late", text: `paused at ${time}, ${span(behind)} behind`, news: "Paused."};
  const level = behind > STALE_SECONDS ? "bad" : behind > LATE_SECONDS ? "late" : "good";
  const news = {good: "Figures are live.", late: "Figures are late.", bad: "Figures are old."}[level];
  return {level, text: `data to ${time}, ${span(behind)} behind`, news};
}

/** Keep pill, button and the page's `data-figures` (fresh, old) true, each second. */
export function setUp({pill, news, pause}) {
  const show = () => {
    const state = read();
    const now = describe(state);
    pill.dataset.level = now.level;
    say(pill.querySelector("[data-text]"), now.text);
    say(news, now.news);
    document.documentElement.dataset.figures = state.snapshot === null ? "none" : now.level === "bad" ? "old" : "fresh";
    pause.setAttribute("aria-pressed", String(state.paused));
    say(pause.querySelector("[data-text]"), state.paused ? "Resume" : "Pause");
  };
  pause.addEventListener("click", () => setPaused(!read().paused));
  subscribe(show);
  setInterval(show, 1000);
}
