// A failed execution is retried, repaired and continued, compared with what came of it, forked, checked and forgotten; another
// is held and let go; parts of a flow are tried with pinned outputs; a draft is checked with past executions.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { api, launch, open, overflow, signIn, violations, visit } from "./support.mjs";
import { ended, flowOf, published } from "./seed.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const at = (x) => ({ x, y: 0 });
const code = (source) => ({ type: "code", config: { language: "javascript", source: `export default () => ${source};` } });
const row = (definition) => {
  const nodes = definition.map((node, index) => ({ ...node, position: at(index * 280) }));
  const edges = nodes.slice(1).map(({ id }, index) => ({ from: nodes[index].id, to: id }));
  return { nodes, edges };
};
const prices = () =>
  published({
    name: "Import the price list",
    definition: row([
      { id: "start", type: "trigger" },
      { id: "count", ...code("({ lines: 12 })") },
      { id: "import", ...code("{ throw new Error('line 12 has no price'); }") },
      { id: "end", type: "output", config: { value: "{{ nodes.import.output }}" } },
    ]),
  });

const state = (page, word) => page.locator(".execution-name").getByText(word).waitFor();
const idOf = (page) => new URL(page.url()).pathname.split("/").at(-1);

/** Waits until the page shows another execution. */
async function begun(page, before) {
  await page.waitForURL((url) => /^\/executions\/exec_/.test(url.pathname) && !url.pathname.includes(before));
  return idOf(page);
}

async function step(page, name) {
  await page.getByRole("treeitem").filter({ hasText: name }).first().click();
  await page.locator(".details-title").getByText(name).waitFor();
}

async function repair(page, failed) {
  await page.getByRole("link", { name: "Repair" }).click();
  await page.locator("#canvas [data-id=import][data-state=failed]").waitFor();
  await page.locator("#canvas [data-id=import]").click();
  await page.getByRole("group", { name: "Panel" }).getByRole("button", { name: "Node" }).click();
  const text = page.locator(".code-editor .cm-content").first();
  await text.click();
  await page.keyboard.press("Control+A");
  await page.keyboard.press("Delete");
  await page.keyboard.insertText("export default () => ({ imported: 12 });");
  await page.locator("[data-saving=Saved]").waitFor();
  await page.getByRole("group", { name: "Panel" }).getByRole("button", { name: "Run" }).click();
  await page.getByRole("button", { name: "Continue with the draft" }).click();
  await page.locator("#canvas [data-id=end][data-state=succeeded]").waitFor();
  await page.locator("#canvas [data-id=count]").getByText("taken over").waitFor();
  await page.getByRole("link", { name: "Open the execution" }).click();
  const id = await begun(page, failed);
  await state(page, "Succeeded");
  await page.locator(".facts").getByText("Continues").waitFor();
  return id;
}

async function compare(page) {
  await page.getByRole("link", { name: "Compare", exact: true }).click();
  await page.getByText(/2 of 4 nodes did not do the same/).waitFor();
  const sides = page.locator(".side-canvas");
  for (const side of [0, 1]) {
    await sides.nth(side).locator("[data-id=import][data-ringed]").waitFor();
    assert.equal(await sides.nth(side).locator("[data-id=count][data-ringed]").count(), 0);
  }
  const table = page.getByRole("region", { name: "Nodes of both executions" });
  await table.getByRole("row", { name: /import/ }).getByText("configuration changed").waitFor();
  await table.getByRole("button", { name: "import" }).click();
  const outputs = page.getByRole("region", { name: "Outputs of import" });
  await outputs.getByText('"imported": 12').waitFor();
  await outputs.getByText("Nothing.").waitFor();
  const wrong = [];
  for (const width of [1440, 1024, 390]) {
    await page.setViewportSize({ width, height: 900 });
    wrong.push(...(await overflow(page)), ...(await violations(page)));
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  assert.deepEqual(wrong, []);
}

test("retried, repaired, continued, compared, forked", async () => {
  const page = await open(browser);
  await signIn(page);
  const failed = await ended(await prices());
  await visit(page, `/executions/${failed}`);
  await state(page, "Failed");

  await page.getByRole("button", { name: "Retry" }).click();
  const retried = await begun(page, failed);
  await state(page, "Failed");
  await page.locator(".facts").getByText("Retry of").waitFor();
  await step(page, "count");
  await page.locator(".details").getByText("taken over, not run again").waitFor();

  await visit(page, `/executions/${failed}`);
  const repaired = await repair(page, failed);
  await compare(page);

  await visit(page, `/executions/${repaired}`);
  await step(page, "import");
  await page.getByRole("button", { name: "Change the output…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.locator(".cm-content").click();
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText('{ "imported": 13 }');
  await dialog.getByRole("button", { name: "Fork" }).click();
  const forked = await begun(page, repaired);
  await state(page, "Succeeded");
  assert.deepEqual((await api("GET", `/executions/${forked}`)).output, { imported: 13 });

  await page.getByRole("button", { name: "More acts" }).click();
  await page.getByRole("menuitem", { name: "Replay check" }).click();
  await page.getByText(/^The same: \d+ events came out as recorded/).waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).last().click();

  await visit(page, `/executions/${retried}`);
  await page.getByRole("button", { name: "More acts" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete execution" }).click();
  await page.waitForURL((url) => url.pathname === "/executions");
  await visit(page, `/executions/${retried}`);
  await page.getByText("This does not exist").waitFor();
  assert.deepEqual(page.errors, []);
});

test("held and let go", async () => {
  const page = await open(browser);
  await signIn(page);
  const flow = await flowOf("Wait", { type: "wait", config: { seconds: 3 } });
  const { id } = await api("POST", `/flows/${flow}/execute`, { input: {} });
  await visit(page, `/executions/${id}`);
  await page.getByRole("button", { name: "Pause" }).click();
  await state(page, "Paused");
  await page.getByRole("button", { name: "Resume" }).click();
  await state(page, "Succeeded");
  const { items } = await api("GET", `/executions/${id}/events`);
  const kinds = items.map(({ type }) => type);
  assert.ok(kinds.includes("execution_paused") && kinds.includes("execution_resumed"));
  assert.deepEqual(page.errors, []);
});

test("tried in part, and checked with past executions", async () => {
  const page = await open(browser);
  await signIn(page);
  const flow = await published({
    name: "Double",
    definition: row([
      { id: "start", type: "trigger" },
      { id: "ask", ...code("({ n: 21 })") },
      { id: "double", type: "transform", config: { value: "{{ nodes.ask.output.n * 2 }}" } },
      { id: "end", type: "output", config: { value: "{{ nodes.double.output }}" } },
    ]),
  });
  await ended(flow);
  await visit(page, `/flows/${flow}`);
  const node = (id) => page.locator(`#canvas [data-id=${id}]`);
  await node("ask").click();
  await page.getByRole("button", { name: "Run up to here" }).click();
  await page.locator("#canvas [data-id=ask][data-state=succeeded]").waitFor();
  await page.getByRole("button", { name: "Pin the output" }).click();
  await page.locator("#canvas [data-id=ask][data-pinned]").waitFor();
  const pin = page.getByRole("region", { name: "Try this node" }).locator(".cm-content");
  await pin.click();
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText('{ "n": 50 }');
  await node("double").click();
  await page.getByRole("button", { name: "Run up to here" }).click();
  await page.locator(".last-run").getByText("100").first().waitFor();
  assert.notEqual(await node("end").getAttribute("data-state"), "succeeded");

  // Pins are there after a reload, and gone when they are taken off.
  await page.reload();
  await page.locator("#canvas [data-id=ask][data-pinned]").waitFor();
  await node("ask").click();
  await page.getByRole("button", { name: "Take the pin off" }).click();
  await page.locator("#canvas [data-id=ask]:not([data-pinned])").waitFor();

  await page.getByRole("button", { name: "Publish" }).click();
  await page.getByRole("button", { name: "Check with past executions" }).click();
  const check = page.getByRole("region", { name: "Check with past executions" });
  await check.getByText("1 same.").waitFor();
  // The report is still there for whoever comes back.
  await page.reload();
  await page.getByRole("button", { name: "Publish" }).click();
  await check.getByText("1 same.").waitFor();
  await page.keyboard.press("Escape");
  await node("double").click();
  await page.getByLabel("Value *").fill("{{ nodes.ask.output.n * 3 }}");
  await page.locator("[data-saving=Saved]").waitFor();
  await page.getByRole("button", { name: "Publish" }).click();
  await page.getByRole("button", { name: "Check with past executions" }).click();
  await check.getByText("1 changed.").waitFor();
  await check.getByRole("link", { name: "Compare" }).waitFor();
  assert.deepEqual(page.errors, []);
});

test("executions are kept for as long as the organization says", async () => {
  const page = await open(browser);
  await signIn(page);
  await visit(page, "/settings");
  await page.getByLabel("Days from their end").fill("30");
  await page.getByRole("button", { name: "Save" }).last().click();
  await page.getByText("Saved.").waitFor();
  assert.deepEqual(await api("GET", "/retention"), { days: 30 });
});
