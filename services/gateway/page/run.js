// One execution: its events as they arrive, its output, its tokens and price.

import { act, describe, el, json } from "/app/dom.js";
import { ask } from "/app/session.js";
import { events } from "/app/stream.js";

const FINAL = new Set(["succeeded", "failed", "cancelled"]);

/** Draws an execution into `place` and follows it until it ends or `signal` says stop. */
export async function show(place, id, signal) {
  const view = frame(id);
  place.replaceChildren(view.root);
  view.root.setAttribute("data-execution", id);
  let execution;
  try {
    execution = await ask(`/api/v1/executions/${id}`);
  } catch (error) {
    place.replaceChildren(describe(error));
    return;
  }
  if (signal.aborted) return;
  summarize(view, execution);
  const usage = { prompt: 0, completion: 0 };
  try {
    const onPause = (isLost) => notice(isLost ? "Reconnecting. What has happened meanwhile will follow." : null);
    for await (const event of events(id, { signal, onPause })) {
      view.events.append(line(event));
      follow(view, event, usage);
    }
  } catch (error) {
    view.failure.replaceChildren(describe(error));
  } finally {
    notice(null);
  }
  if (signal.aborted) return;
  // The header row has the whole: output, error, exact price.
  try {
    summarize(view, await ask(`/api/v1/executions/${id}`));
    view.root.setAttribute("data-loaded", "execution");
  } catch (error) {
    view.failure.replaceChildren(describe(error));
  }
}

function frame(id) {
  const state = el("span", { class: "state queued" }, "queued");
  const failure = el("div");
  const cancel = el("button", { type: "button" }, "Cancel");
  cancel.addEventListener("click", () =>
    act(cancel, failure, () => ask(`/api/v1/executions/${id}/cancel`, { method: "POST" })),
  );
  const figure = (name) => {
    const value = el("dd", {}, "–");
    return { value, block: el("div", {}, el("dt", {}, name), value) };
  };
  const figures = Object.fromEntries(
    ["Tokens in", "Tokens out", "Price", "Duration", "Execution"].map((name) => [name, figure(name)]),
  );
  figures.Execution.value.textContent = id;
  const list = el("ol", { class: "events", "aria-label": "Events" });
  const output = el("div");
  const root = el(
    "article",
    { class: "execution", "aria-label": "Execution" },
    el("div", { class: "head" }, el("span", { role: "status" }, state), cancel),
    failure,
    el("dl", { class: "figures" }, ...Object.values(figures).map(({ block }) => block)),
    output,
    el("h3", {}, "Events"),
    list,
  );
  return { root, state, failure, cancel, figures, events: list, output };
}

function setState(view, state) {
  view.state.className = `state ${state}`;
  view.state.textContent = state;
  view.cancel.hidden = FINAL.has(state);
  view.root.setAttribute("data-state", state);
}

function summarize(view, execution) {
  setState(view, execution.state);
  const { prompt_tokens, completion_tokens, cost } = execution.usage;
  set(view, "Tokens in", String(prompt_tokens));
  set(view, "Tokens out", String(completion_tokens));
  // An unknown price is not a price of nothing.
  set(view, "Price", cost === null || cost === undefined ? "unknown" : `$${cost}`);
  if (execution.finished_at) {
    set(view, "Duration", duration(new Date(execution.finished_at) - new Date(execution.created_at)));
  }
  if (execution.state === "succeeded") {
    view.output.replaceChildren(el("h3", {}, "Output"), el("pre", { tabindex: "0" }, json(execution.output)));
  } else if (execution.error) {
    const { node, code, message } = execution.error;
    const where = node ? `${node}: ` : "";
    view.output.replaceChildren(el("h3", {}, "Error"), el("p", { class: "error" }, `${where}${message} (${code})`));
  }
}

function set(view, name, text) {
  view.figures[name].value.textContent = text;
}

/** What the events say before the execution has ended. */
function follow(view, event, usage) {
  if (event.type === "execution_started" || event.type === "step_started") setState(view, "running");
  if (event.type === "cancel_asked") setState(view, "cancelling");
  if (event.type === "step_succeeded" && event.usage) {
    usage.prompt += event.usage.prompt_tokens;
    usage.completion += event.usage.completion_tokens;
    set(view, "Tokens in", String(usage.prompt));
    set(view, "Tokens out", String(usage.completion));
  }
}

function line(event) {
  const isBad = ["step_failed", "step_retrying", "execution_failed"].includes(event.type);
  const words = event.type.replaceAll("_", " ");
  const facts = [
    event.attempt > 1 && `attempt ${event.attempt}`,
    event.duration_ms !== undefined && duration(event.duration_ms),
    event.port && event.port !== "out" && `port ${event.port}`,
    event.usage && event.usage.prompt_tokens + event.usage.completion_tokens > 0 && tokens(event.usage),
    event.error && event.error.message,
  ].filter(Boolean);
  const data = event.output ?? event.input;
  return el(
    "li",
    { "data-n": event.n, "data-type": event.type },
    el("span", { class: "n" }, String(event.n)),
    el("time", { datetime: event.ts }, new Date(event.ts).toISOString().slice(11, 23)),
    el(
      "span",
      { class: "what" },
      el("span", { class: isBad && "bad" }, words),
      event.node && " ",
      event.node && el("span", { class: "node" }, event.node),
      facts.length > 0 && el("span", { class: "hint" }, ` ${facts.join(" · ")}`),
      data !== undefined &&
        data !== null &&
        el("details", {}, el("summary", {}, event.output === undefined ? "input" : "output"), el("pre", {}, json(data))),
    ),
  );
}

const tokens = ({ prompt_tokens, completion_tokens, cost }) =>
  `${prompt_tokens} + ${completion_tokens} tokens${cost ? `, $${cost}` : ""}`;

const duration = (ms) => (ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(2)} s`);

function notice(text) {
  const bar = document.getElementById("notice");
  bar.hidden = text === null;
  bar.textContent = text ?? "";
}
