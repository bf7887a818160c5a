// A long execution is watched, another is cancelled in the middle of a model's answer, a failed one leads to its repair,
// one that asks a person is answered.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { api, launch, nameVendor, open, signIn, visit } from "./support.mjs";
import { ended, flowOf } from "./seed.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const state = (page, word) => page.locator(".execution-name").getByText(word).waitFor();

/** Runs the draft that the editor shows. */
async function run(page) {
  await page.getByRole("button", { name: "Run", exact: true }).first().click();
  await page.locator(".run-panel").getByRole("button", { name: "Run", exact: true }).click();
}

async function watch(page, flow) {
  await visit(page, `/flows/${flow}`);
  await run(page);
  await page.getByRole("link", { name: "Open the execution" }).click();
  await state(page, "Running");
  const steps = page.getByRole("treeitem");
  await steps.filter({ hasText: "Ask for long" }).waitFor();
  await page.getByRole("tab", { name: "Graph" }).click();
  await page.locator(".node[data-id=step][data-state=running]").waitFor();
  await page.getByRole("tab", { name: "Events" }).click();
  await page.locator(".event-row").nth(2).waitFor();
  return new URL(page.url()).pathname.split("/").at(-1);
}

async function cancel(page, flow) {
  const { id } = await api("POST", `/flows/${flow}/execute`, { input: {} });
  await visit(page, `/executions/${id}`);
  await page.locator("[data-state=running]").first().waitFor();
  await page.getByRole("button", { name: "Cancel execution" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel execution" }).click();
  await state(page, "Cancelled");
  const { items } = await api("GET", `/executions/${id}/events`);
  assert.equal(items.at(-1).type, "execution_cancelled");
}

async function repair(page, failed) {
  await visit(page, "/executions?state=failed");
  await page.locator("tbody tr").first().getByRole("link").first().click();
  await state(page, "Failed");
  assert.ok(page.url().includes(failed));
  await page.getByText("line 12 has no price").first().waitFor();
  await page.getByRole("button", { name: "Show the step" }).click();
  await page.getByRole("link", { name: "Import the price list" }).click();
  await page.locator("#canvas [data-id=step]").click();
  const code = page.locator(".code-editor .cm-content");
  await code.click();
  await page.keyboard.press("Control+A");
  await page.keyboard.press("Delete");
  await page.keyboard.insertText("export default () => ({ imported: 12 });");
  await page.getByText("Saved", { exact: false }).first().waitFor();
  await run(page);
  await page.locator("#canvas [data-id=end][data-state=succeeded]").waitFor();
  await page.locator(".run-outcome").getByText("imported").waitFor();
}

/** What waits for a person is found on the dashboard, and answered where it waits. */
async function answer(page, flow) {
  const { id } = await api("POST", `/flows/${flow}/execute`, { input: { sum: 12 } });
  await visit(page, "/");
  await page.getByRole("link", { name: "1 to answer" }).click();
  await page.getByRole("button", { name: /^Pay 12\?/ }).waitFor();
  await visit(page, "/executions?asks=true");
  const row = page.locator("tbody tr");
  await row.getByText("Waits for 1 answer").waitFor();
  await row.getByRole("link").first().click();
  await page.getByText("Waits for an answer: Pay 12?").waitFor();
  await page.getByRole("button", { name: "Review" }).click();
  const form = page.getByRole("region", { name: "Answer" });
  await form.getByRole("button", { name: "Pay" }).click();
  await form.getByText("account").first().waitFor();
  await form.getByLabel("account", { exact: true }).fill("petty cash");
  await form.getByRole("button", { name: "Pay" }).click();
  await state(page, "Succeeded");
  const execution = await api("GET", `/executions/${id}`);
  assert.equal(execution.output, "petty cash");
}

test("watched, cancelled, repaired, answered", async () => {
  const page = await open(browser);
  await signIn(page);
  await nameVendor();
  const ask = { type: "llm", name: "Ask for long", config: { model: "vendor/fake-large", prompt: "Tell it slowly." } };
  const long = await flowOf("Long", ask);
  const broken = await flowOf("Import the price list", {
    type: "code",
    config: { language: "javascript", source: "export default () => { throw new Error('line 12 has no price'); }" },
  });
  const failed = await ended(broken);

  const watched = await watch(page, long);
  await cancel(page, long);
  await repair(page, failed);
  // It is shown as it was executed, not as it is now.
  const executed = JSON.stringify(await api("GET", `/executions/${failed}/definition`));
  assert.match(executed, /line 12/);
  await answer(page, await flowOf("Pay", {
    type: "approval",
    config: {
      title: "Pay {{ input.sum }}?",
      text: "**Twelve** dollars to the baker.",
      form: { type: "object", required: ["account"], properties: { account: { type: "string", minLength: 1 } } },
      buttons: [{ port: "pay", label: "Pay" }, { port: "refuse", label: "Refuse" }],
    },
  }, "pay", "{{ nodes.step.output.values.account }}"));

  await visit(page, `/executions/${failed}`);
  const step = page.getByRole("treeitem").filter({ hasText: "step" });
  const moment = page.getByRole("slider", { name: "Moment" });
  await step.locator("[data-state=failed]").first().waitFor();
  await moment.press("Home");
  await step.locator("[data-state=pending]").first().waitFor();
  await moment.press("End");
  await step.locator("[data-state=failed]").first().waitFor();

  await visit(page, `/executions/${watched}`);
  await state(page, "Running");
  assert.deepEqual(page.errors, []);
});
