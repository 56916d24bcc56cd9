// What a page does when its session has ended: it goes and asks for a key.

export const SIGNED_OUT = 4401; // the close code, as in visits.py

let isSigningOut = false;

/** Wire the form that signs out, where there is one: it leads to the sign-in page by itself. */
export function setUp(form) {
  form?.addEventListener("submit", () => { isSigningOut = true; });
}

/** Leave for the sign-in page, which leads back here. */
export function toSignIn() {
  if (isSigningOut) return;
  location.replace(`./login?next=${encodeURIComponent(location.pathname + location.search)}`);
}

/** A refused web socket does not say why: ask, so that a page that slept through its session's end need not knock for ever. */
export async function signInIfNeeded() {
  if (!("signIn" in document.documentElement.dataset)) return;
  try {
    const answer = await fetch("./session", {cache: "no-store"});
    if (answer.ok && (await answer.json()).signed_in_as === null) toSignIn();
  } catch {
    // The server is gone; the socket goes on trying.
  }
}
