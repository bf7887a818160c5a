// The list of flows, and the flow that is open with its run form.

import { act, describe, el, field, json } from "/app/dom.js";
import { show as showExecution } from "/app/run.js";
import { ask } from "/app/session.js";

/** Draws list and detail; `route` is `{ flow, execution }`, both optional. */
export async function show(main, route, signal) {
  const list = el("section", { class: "pane", "aria-label": "Flows" });
  const detail = el("section", { class: "pane", "aria-label": "Flow" });
  main.replaceChildren(el("div", { class: "panes" }, list, detail));
  const flows = await all();
  if (signal.aborted) return;
  list.append(el("div", { class: "head" }, el("h1", { tabindex: "-1" }, "Flows")), overview(flows, route));
  const chosen = route.flow ?? flows[0]?.id;
  if (chosen) await open(detail, chosen, route.execution, signal);
}

async function all() {
  const found = [];
  let cursor = "";
  do {
    const page = await ask(`/api/v1/flows?limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    found.push(...page.items);
    cursor = page.next;
  } while (cursor && found.length < 1000);
  return found;
}

function overview(flows, route) {
  if (flows.length === 0) return empty();
  const row = (flow) =>
    el(
      "li",
      {},
      el(
        "a",
        { href: `#${flow.id}`, "aria-current": flow.id === (route.flow ?? flows[0].id) ? "true" : undefined },
        el("span", { class: "name" }, flow.name),
        el("span", { class: "meta" }, flow.revision ? `revision ${flow.revision}` : "draft"),
      ),
    );
  return el("ul", { class: "list", "data-loaded": "flows" }, ...flows.map(row));
}

/** One sentence, one act. */
function empty() {
  const place = el("div");
  const button = el("button", { type: "button", class: "primary" }, "Create an example flow");
  button.addEventListener("click", () =>
    act(button, place, async () => {
      const flow = await ask("/api/v1/flows", { method: "POST", body: EXAMPLE });
      await ask(`/api/v1/flows/${flow.id}/publish`, { method: "POST" });
      location.hash = flow.id;
    }),
  );
  return el("div", { class: "empty", "data-loaded": "flows" }, "There are no flows yet.", el("div", {}, button), place);
}

const EXAMPLE = {
  name: "Greet",
  description: "Greets whoever is named, in words of a model. Without a provider the offline rehearsal answers.",
  definition: {
    nodes: [
      { id: "start", type: "trigger", config: {} },
      { id: "greet", type: "llm", config: { prompt: "Greet {{ input.name }} in one sentence." } },
      {
        id: "end",
        type: "output",
        config: { value: { name: "{{ input.name }}", greeting: "{{ nodes.greet.output }}" } },
      },
    ],
    edges: [
      { from: "start", to: "greet" },
      { from: "greet", to: "end" },
    ],
    input_schema: {
      type: "object",
      required: ["name"],
      properties: { name: { type: "string", examples: ["Ada"] } },
    },
  },
};

async function open(detail, id, execution, signal) {
  let flow;
  try {
    flow = await ask(`/api/v1/flows/${id}`);
  } catch (error) {
    detail.replaceChildren(describe(error));
    return;
  }
  if (signal.aborted) return;
  const place = el("div");
  const problems = el("div");
  const publish = el("button", { type: "button" }, flow.revision ? "Publish draft" : "Publish");
  publish.addEventListener("click", () =>
    act(publish, problems, async () => {
      await ask(`/api/v1/flows/${id}/publish`, { method: "POST" });
      window.dispatchEvent(new Event("hashchange"));
    }),
  );
  detail.replaceChildren(
    el("div", { class: "head" }, el("h2", {}, flow.name), publish),
    problems,
    flow.description && el("p", { class: "hint" }, flow.description),
    runForm(flow, place),
    place,
  );
  detail.setAttribute("data-loaded", flow.id);
  if (execution) await showExecution(place, execution, signal);
}

function runForm(flow, place) {
  const input = el("textarea", {
    id: "input",
    spellcheck: "false",
    autocomplete: "off",
    value: json(sampleOf(flow.definition)),
  });
  const published = flow.revision && el("option", { value: String(flow.revision) }, `revision ${flow.revision}`);
  const revision = el("select", { id: "revision" }, published, el("option", { value: "draft" }, "draft"));
  const button = el("button", { type: "submit", class: "primary" }, "Run");
  const failure = el("div");
  const form = el(
    "form",
    { class: "run" },
    field("Input (JSON)", input),
    el("div", { class: "actions" }, field("Revision", revision), button),
    failure,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act(button, failure, async () => {
      input.removeAttribute("aria-invalid");
      const execution = await start(flow.id, input, revision.value);
      place.replaceChildren();
      location.hash = `${flow.id}/${execution.id}`;
    });
  });
  return form;
}

async function start(flow, input, revision) {
  let value;
  try {
    value = JSON.parse(input.value);
  } catch (error) {
    input.setAttribute("aria-invalid", "true");
    input.focus();
    throw new Error(`the input is not JSON: ${error.message}`);
  }
  return ask(`/api/v1/flows/${flow}/execute`, {
    method: "POST",
    body: { input: value, revision: revision === "draft" ? "draft" : Number(revision) },
    // The same key when the request is sent again after its token was renewed.
    headers: { "idempotency-key": uniqueKey() },
  });
}

function uniqueKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** An input to begin with: from the schema, or from the names that expressions use. */
function sampleOf(definition) {
  if (definition.input_schema) return fromSchema(definition.input_schema, 0);
  const names = JSON.stringify(definition).matchAll(/\binput\.([A-Za-z_]\w*)/g);
  return Object.fromEntries(Array.from(names, ([, name]) => [name, "example"]));
}

function fromSchema(schema, depth) {
  if (schema?.examples?.length) return schema.examples[0];
  if (schema?.default !== undefined) return schema.default;
  if (schema?.const !== undefined) return schema.const;
  if (schema?.enum?.length) return schema.enum[0];
  const type = Array.isArray(schema?.type) ? schema.type[0] : schema?.type;
  if (type === "object" || schema?.properties) {
    if (depth > 5) return {};
    const entries = Object.entries(schema.properties ?? {});
    return Object.fromEntries(entries.map(([name, inner]) => [name, fromSchema(inner, depth + 1)]));
  }
  return { array: [], string: "example", integer: 1, number: 1, boolean: false }[type] ?? null;
}
