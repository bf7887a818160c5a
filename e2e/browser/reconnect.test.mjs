// The server is killed while a page watches an execution: the page catches up, without a reload, a gap or an event twice.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { api, launch, nameVendor, open, signIn, visit } from "./support.mjs";
import { published } from "./seed.mjs";

const STEPS = 14;

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

/** A flow that asks a model time and again; its id. */
async function longFlow() {
  const ids = Array.from({ length: STEPS }, (_, n) => `ask_${n}`);
  const asks = ids.map((id) => ({ id, type: "llm", config: { model: "vendor/fake-large", prompt: "one two three four five six seven eight" } }));
  const nodes = [{ id: "start", type: "trigger" }, ...asks, { id: "end", type: "output", config: { value: "done" } }];
  const edges = nodes.slice(1).map(({ id }, n) => ({ from: nodes[n].id, to: id }));
  return published({ name: "A long one", definition: { nodes, edges } });
}

const numbers = (page) => page.locator(".event-row .event-n").allTextContents();

test("the page catches up", async () => {
  await nameVendor();
  const flow = await longFlow();
  // So high that all events are drawn.
  const page = await open(browser, { height: 4000 });
  await signIn(page);
  const { id } = await api("POST", `/flows/${flow}/execute`, { input: {} });
  await visit(page, `/executions/${id}?lens=events`);
  await page.evaluate(() => (window.notReloaded = true));
  await page.locator(".event-row").nth(8).waitFor();

  process.kill(Number(process.env.TROUPE_PID), "SIGKILL");
  await page.getByText("reconnecting…").waitFor();
  const before = await numbers(page);
  assert.ok(before.length < STEPS * 3, `it was over before the server was killed: ${before.length} events`);

  await page.locator(".execution-name").getByText("Succeeded").waitFor({ timeout: 90_000 });
  assert.equal(await page.evaluate(() => window.notReloaded), true);
  const events = [];
  for (let next = 0; next !== null; ) {
    const read = await api("GET", `/executions/${id}/events?after=${events.length}`);
    events.push(...read.items);
    next = read.next ?? null;
  }
  assert.ok(events.length > before.length);
  assert.deepEqual(await numbers(page), events.map(({ n }) => String(n)));
  assert.deepEqual(
    events.map(({ n }) => n),
    events.map((_, at) => at + 1),
  );
  await page.getByText("Reconnecting.").waitFor({ state: "detached" });
  assert.deepEqual(page.errors, []);
});
