// Texts that would be scripts stay texts: in names, prompts, outputs of tools, chat and its Markdown, under the real policy.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { api, launch, nameVendor, open, signIn, visit } from "./support.mjs";
import { PAYLOADS } from "./payloads.mjs";
import { addTool, ended, published } from "./seed.mjs";

/** As many of them as fit into texts of this length. */
function pages(limit) {
  const texts = [""];
  for (const payload of PAYLOADS) {
    const text = `${texts.at(-1)}\n\n${payload}`;
    if (text.length > limit) texts.push(payload);
    else texts[texts.length - 1] = text;
  }
  return texts;
}

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

/** A window that counts the payloads that ran, and what the policy had to stop. */
async function watched() {
  const page = await open(browser);
  await page.exposeFunction("ran", () => page.errors.push("a payload ran"));
  page.on("dialog", (dialog) => (page.errors.push("a dialog opened"), dialog.dismiss()));
  return page;
}

/** Elements that only a text taken for more can have made. */
const planted = (page) =>
  page.evaluate(() => {
    const found = [...document.querySelectorAll("iframe, object, embed, base, math, animate, script:not([src^='/assets/'])")];
    for (const element of document.querySelectorAll("*")) {
      const bad = [...element.attributes].some(({ name, value }) => name.startsWith("on") || /^\s*(java|vb)script:|^\s*data:text/i.test(value));
      if (bad) found.push(element);
    }
    return found.map((element) => element.outerHTML.slice(0, 200));
  });

async function harmless(page, path) {
  await visit(page, path);
  assert.deepEqual(await planted(page), [], path);
  assert.deepEqual(page.errors, [], path);
}

test("the payloads are live where nothing stops them", async () => {
  const page = await (await browser.newContext()).newPage();
  await page.addInitScript("window.count = 0; window.ran = () => { window.count += 1; };");
  await page.goto("about:blank");
  await page.evaluate((payloads) => {
    for (const payload of payloads) document.body.append(document.createRange().createContextualFragment(payload));
  }, PAYLOADS);
  await page.waitForFunction(() => window.count >= 50);
});

test("names", async () => {
  const page = await watched();
  await Promise.all(PAYLOADS.map((name) => api("POST", "/flows", { name, description: name, definition: { nodes: [], edges: [] } })));
  await signIn(page);
  await harmless(page, "/flows");
  const shown = new Set();
  const names = page.locator("tbody th, tbody td:first-child");
  const next = page.getByRole("link", { name: "Next page" });
  for (;;) {
    for (const text of await names.allTextContents()) shown.add(text.trim());
    if (!(await next.isVisible())) break;
    const first = await names.first().textContent();
    await next.click();
    await names.filter({ hasNotText: first }).first().waitFor();
    assert.deepEqual([...(await planted(page)), ...page.errors], []);
  }
  const missing = PAYLOADS.filter((payload) => ![...shown].some((text) => text.includes(payload.trim())));
  assert.deepEqual(missing, []);
  await harmless(page, "/");
});

test("prompts", async () => {
  const page = await watched();
  await signIn(page);
  const tool = await addTool("hostile");
  for (const [n, goal] of pages(2000).entries()) {
    const agent = await api("POST", "/agents", { name: PAYLOADS[n].slice(0, 100), role: PAYLOADS[n], goal, backstory: goal, tools: [tool] });
    await harmless(page, `/agents/${agent.id}`);
    const task = { name: "t", description: goal.replaceAll(/[{}%]/g, ""), expected_output: PAYLOADS[n], agent_id: agent.id, context: [] };
    const crew = await api("POST", "/crews", { name: PAYLOADS[n].slice(0, 100), description: goal, process: "sequential", agents: [agent.id], tasks: [task] });
    await harmless(page, `/crews/${crew.id}`);
  }
  for (const path of ["/agents", "/crews", "/tools"]) await harmless(page, path);
});

test("outputs of steps and tools", async () => {
  const page = await watched();
  await signIn(page);
  const source = `export default () => ${JSON.stringify(PAYLOADS)}`;
  const tool = await api("POST", "/tools", { name: "loud", kind: "javascript", description: PAYLOADS.slice(0, 20).join("\n"), input_schema: { type: "object" }, config: { source } });
  const nodes = [
    { id: "start", type: "trigger" },
    { id: "call", type: "tool", name: PAYLOADS.at(-1), config: { tool_id: tool.id, arguments: {} } },
    { id: "end", type: "output", name: PAYLOADS.at(-2), config: { value: "{{ nodes.call.output }}" } },
  ];
  const edges = [
    { from: "start", to: "call" },
    { from: "call", to: "end" },
  ];
  const flow = await published({ name: PAYLOADS.at(-3), definition: { nodes, edges } });
  const run = await ended(flow);
  for (const lens of ["steps", "graph", "timeline", "events"]) await harmless(page, `/executions/${run}?lens=${lens}&step=call`);
  await harmless(page, `/flows/${flow}`);
  await harmless(page, `/tools/${tool.id}`);
});

test("chat and its Markdown", async () => {
  const page = await watched();
  await signIn(page);
  await nameVendor();
  const agent = await api("POST", "/agents", { name: "parrot", role: "a parrot", goal: "Repeat.", model: "vendor/fake-large" });
  const chat = await api("POST", "/chat/sessions", { agent_id: agent.id, title: PAYLOADS[3] });
  for (const content of pages(3000)) {
    const answer = await api("POST", `/chat/sessions/${chat.id}/messages`, { content });
    assert.equal(answer.content, content);
  }
  await harmless(page, `/chat/${chat.id}`);
  await page.getByText(PAYLOADS[0]).first().waitFor();
});
