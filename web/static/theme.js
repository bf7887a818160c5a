// Before the first paint, so that no page flashes in the other theme. Storage may be forbidden.
let theme = "system";
try {
  theme = localStorage.getItem("theme") ?? "system";
} catch {}
if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
