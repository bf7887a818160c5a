// Server-sent events by `fetch`, because `EventSource` cannot send a token. Resumes after the last event by itself.

import { watch } from "/app/session.js";

const FINAL = new Set(["execution_succeeded", "execution_failed", "execution_cancelled"]);
const PAUSES_MS = [500, 1000, 2000, 5000];

/**
 * The events of an execution, the history first, until the terminal one or until `signal`.
 * `onPause(true)` is told when the connection is lost, `onPause(false)` when it stands again.
 */
export async function* events(execution, { signal, onPause }) {
  let last = 0;
  let failures = 0;
  while (!signal.aborted) {
    try {
      const headers = last > 0 ? { "last-event-id": String(last) } : {};
      const response = await watch(`/api/v1/executions/${execution}/stream`, { headers, signal });
      if (response.status === 204) return;
      onPause(false);
      for await (const message of messages(response.body)) {
        failures = 0;
        if (message.id === "") continue;
        const event = JSON.parse(message.data);
        // The server promises neither gap nor duplicate; a reader that checks would notice a broken promise.
        if (event.n !== last + 1) throw new Error(`event ${event.n} follows event ${last}`);
        last = event.n;
        yield event;
        if (FINAL.has(event.type)) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      const status = error.problem?.status;
      if (status >= 400 && status < 500 && status !== 429) throw error;
    }
    onPause(true);
    await pause(PAUSES_MS[Math.min(failures++, PAUSES_MS.length - 1)], signal);
  }
}

/** The messages of an event stream (HTML standard, section 9.2.6), as far as our server writes them. */
async function* messages(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    buffer += value;
    let end;
    while ((end = buffer.indexOf("\n\n")) >= 0) {
      const block = buffer.slice(0, end);
      buffer = buffer.slice(end + 2);
      const message = { id: "", event: "message", data: "" };
      for (const line of block.split("\n")) {
        const [name, ...rest] = line.split(": ");
        if (name in message) message[name] = rest.join(": ");
      }
      if (message.data !== "") yield message;
    }
  }
}

function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
