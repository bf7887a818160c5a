// The worker that checks flows. It hears `{id, definition}` (JSON text) and says `{id, problems}` (JSON text) or
// `{id, error}`. The first thing that it hears is `{wasm}`, the address of the rules.
import start, { check } from "../../target/web/stage/checker/checker.js";

let ready;

self.onmessage = async ({ data }) => {
  if (data.wasm) {
    ready = start({ module_or_path: data.wasm });
    return;
  }
  try {
    await ready;
    self.postMessage({ id: data.id, problems: check(data.definition) });
  } catch (error) {
    self.postMessage({ id: data.id, error: String(error) });
  }
};
