// A value that is too large for its event is shown by its start, and read when somebody asks for it.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { launch, open, overflow, signIn, violations, visit } from "./support.mjs";
import { ended, flowOf } from "./seed.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const answers = (kib) => ({
  type: "code",
  config: { language: "javascript", source: `export default () => "begin " + "x".repeat(${kib} * 1024) + " end"` },
});

test("a large output is loaded on demand, with the keyboard, on a narrow screen", async () => {
  const page = await open(browser);
  await signIn(page);
  const execution = await ended(await flowOf("Large", answers(200)));
  await visit(page, `/executions/${execution}`);
  await page.getByRole("treeitem").filter({ hasText: "step" }).click();
  await page.setViewportSize({ width: 390, height: 844 });
  const output = page.getByRole("group", { name: /^Output, 200\.0 KiB/ });
  await output.getByText('"begin xxx').waitFor();
  assert.equal(await page.getByText("$payload").count(), 0);
  const load = output.getByRole("button", { name: /^Load: Output/ });
  const refused = (route) => route.fulfill({ status: 503, contentType: "application/problem+json", body: "{}" });
  await page.route("**/payloads/**", refused);
  await load.focus();
  await page.keyboard.press("Enter");
  await output.getByRole("alert").waitFor();
  await page.unroute("**/payloads/**");
  await output.getByRole("button", { name: /^Try again: Output/ }).press("Enter");
  await page.getByRole("button", { name: "Show all 200 KiB" }).click();
  await page.getByText("x end").first().waitFor();
  assert.deepEqual(await overflow(page), []);
  assert.deepEqual(await violations(page), []);
});

test("one larger than a mebibyte is saved as a file", async () => {
  const page = await open(browser);
  await signIn(page);
  const execution = await ended(await flowOf("Larger", answers(2048)));
  await visit(page, `/executions/${execution}`);
  await page.getByRole("treeitem").filter({ hasText: "step" }).click();
  const output = page.getByRole("group", { name: /^Output, 2\.0 MiB/ });
  const saved = page.waitForEvent("download");
  await output.getByRole("button", { name: /^Download: Output/ }).click();
  const file = await saved;
  assert.match(file.suggestedFilename(), /^exec_.*\.json$/);
  assert.deepEqual(page.errors, []);
});
