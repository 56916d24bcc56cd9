// The page's program: what the Panel components call, and what is on every page.

import {CHARTS} from "./charts/all.js";
import {setUp as setUpCopy} from "./copy.js";
import {say} from "./dom.js";
import {clock} from "./format.js";
import {setUp as setUpFreshness} from "./freshness.js";
import {setUp as setUpSession} from "./session.js";
import {follow} from "./socket.js";
import {inside} from "./sources.js";
import {subscribe} from "./store.js";
import {setUp as setUpTheme} from "./theme.js";
import {TILES} from "./tiles/all.js";

const find = (name) => document.querySelector(`[data-shell="${name}"]`);

/** Draw the tile `kind` into `element` from each snapshot; the returned function ends it. */
function mount(kind, element, options) {
  const draw = TILES[kind](element, options);
  let drawn = null;
  return subscribe(({snapshot}) => {
    if (snapshot === null || snapshot === drawn) return;
    drawn = snapshot;
    inside(element, () => draw(snapshot));
  });
}

/** Open the connection and feed the page's charts. */
function start({path, charts}) {
  let fed = null;
  subscribe(({snapshot}) => {
    if (snapshot === null || snapshot === fed) return;
    fed = snapshot;
    document.documentElement.dataset.empty = String(snapshot.empty);
    document.documentElement.dataset.version = String(snapshot.version);
    for (const node of document.querySelectorAll("[data-as-of]")) tellInstant(node, snapshot[node.dataset.asOf]);
    for (const name of charts) inside(null, () => CHARTS[name](snapshot));
  });
  follow(path);
}

/** Parts that are taken less often say of when they are. */
function tellInstant(node, instant) {
  say(node, instant ? `as of ${clock(Date.parse(instant))}` : "");
}

globalThis.appliance = {mount, start};
setUpTheme(find("theme"));
setUpFreshness({pill: find("freshness"), news: find("news"), pause: find("pause")});
setUpCopy(find("copy"), find("curl"));
setUpSession(find("sign-out"));
