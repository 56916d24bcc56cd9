// Before the first paint: the kept theme, so that a dark page does not flash white.
try {
  document.documentElement.dataset.theme = localStorage["appliance-theme"] ?? "auto";
} catch {
  document.documentElement.dataset.theme = "auto";
}
