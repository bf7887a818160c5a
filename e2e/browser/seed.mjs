// One of everything that a page can show, made by the API.

import { api, upload } from "./support.mjs";

const at = (x, y) => ({ x, y });

/** A number tool in JavaScript; its id. */
export const addTool = async (name = "add") =>
  (
    await api("POST", "/tools", {
      name,
      kind: "javascript",
      description: "Adds two numbers.",
      input_schema: { type: "object", required: ["a", "b"], properties: { a: { type: "number" }, b: { type: "number" } } },
      config: { source: "export default ({ a, b }) => a + b" },
    })
  ).id;

/** A published flow of one step between its beginning and its end; its id. */
export async function flowOf(name, step, port = "out", value = "{{ nodes.step.output }}") {
  const nodes = [
    { id: "start", type: "trigger", position: at(0, 0) },
    { id: "step", position: at(280, 0), ...step },
    { id: "end", type: "output", config: { value }, position: at(560, 0) },
  ];
  const edges = [
    { from: "start", to: "step" },
    { from: "step", from_port: port, to: "end" },
  ];
  return published({ name, definition: { nodes, edges } });
}

/** Makes a flow and publishes it; its id. */
export async function published(flow) {
  const { id } = await api("POST", "/flows", flow);
  await api("POST", `/flows/${id}/publish`, {});
  return id;
}

/** Runs a flow to its end; the execution's id. */
export async function ended(flow, input = {}) {
  const { id } = await api("POST", `/flows/${flow}/execute`, { input });
  await over(id);
  return id;
}

/** Waits until an execution is over: its stream ends with it. */
export const over = (id) => api("GET", `/executions/${id}/stream`);

/** An organization at work; the addresses of the pages that show its parts. */
export async function seed() {
  const tool = await addTool();
  const agent = async (name, tools) =>
    (await api("POST", "/agents", { name, role: "a careful clerk", goal: "Answer in one sentence.", tools })).id;
  const [clerk, writer] = [await agent("clerk", [tool]), await agent("writer", [])];
  const task = (name, agent_id, context = []) => ({ name, description: `${name} about {{ input.topic }}`, expected_output: "A list.", agent_id, context });
  const crew = await api("POST", "/crews", {
    name: "newsroom",
    process: "sequential",
    agents: [clerk, writer],
    tasks: [task("read", clerk), task("write", writer, ["read"])],
  });
  const base = await api("POST", "/knowledge/bases", { name: "handbook", description: "How we work." });
  await upload(`/knowledge/bases/${base.id}/documents?name=tea.md`, "text/markdown", "# Tea\n\nTea is steeped for three minutes.");
  const flow = await flowOf("Greet a customer", { type: "transform", name: "Write a greeting", config: { value: "Hello {{ input.name }}!" } });
  const broken = await flowOf("Import the price list", {
    type: "code",
    config: { language: "javascript", source: "export default () => { throw new Error('line 12 has no price'); }" },
  });
  const [done, failed] = [await ended(flow, { name: "Ada" }), await ended(broken)];
  const other = await ended(flow, { name: "Grace" });
  const asking = await flowOf("Pay the baker", {
    type: "approval",
    config: {
      title: "Pay the baker?",
      text: "**Twelve** dollars for:\n\n- bread\n- tea",
      form: { type: "object", required: ["account"], properties: { account: { type: "string" }, urgent: { type: "boolean" } } },
      deadline_seconds: 86_400,
    },
  }, "approve");
  const { id: asked } = await api("POST", `/flows/${asking}/execute`, { input: {} });
  const chat = await api("POST", "/chat/sessions", { agent_id: clerk });
  await api("POST", `/chat/sessions/${chat.id}/messages`, { content: "What is *19 + 23*?" });
  await api("POST", "/llm-providers", {
    name: "house",
    kind: "openai_compatible",
    base_url: "https://models.example.com/v1",
    api_key: "a-key-of-nobody",
    models: [{ name: "large", price: { prompt: "1", completion: "2" } }],
  });
  return [
    `/flows/${flow}`,
    ...["steps", "graph", "timeline", "events"].map((lens) => `/executions/${done}?lens=${lens}`),
    `/executions/${failed}`,
    `/executions/${done}/compare/${other}`,
    `/executions/${asked}?step=step`,
    `/flows/${asking}`,
    "/executions?last=days&from=2026-01-01&search=price",
    `/agents/${clerk}`,
    `/crews/${crew.id}`,
    `/tools/${tool}`,
    `/knowledge/${base.id}`,
    `/chat/${chat.id}`,
  ];
}
