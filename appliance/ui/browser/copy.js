// The empty state's command, to be copied.

import {say} from "./dom.js";

export function setUp(button, code) {
  const label = button.querySelector("[data-text]");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      say(label, "Copied");
    } catch {
      // Browsers lend the clipboard only to safe addresses: then the text is at least selected.
      getSelection().selectAllChildren(code);
      say(label, "Selected");
    }
    setTimeout(() => say(label, "Copy"), 2000);
  });
}
