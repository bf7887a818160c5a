// Starts the app; says so where it cannot.
const url = (name) => document.querySelector(`meta[name="troupe-${name}"]`).content;

try {
  const { default: start } = await import(url("app"));
  await start({ module_or_path: url("app-wasm") });
} catch (error) {
  console.error(error);
  const message = document.createElement("p");
  message.className = "boot-failed";
  message.setAttribute("role", "alert");
  message.textContent = "The app could not start. Reload the page; it needs a browser from 2023 or later.";
  document.querySelector(".boot").replaceWith(message);
}
