// A trigger is made, changed and looked at in the editor; what is wrong with it is told at its field.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { api, launch, open, overflow, signIn, violations, visit } from "./support.mjs";
import { flowOf } from "./seed.mjs";

let browser;
let flow;
before(async () => {
  browser = await launch();
  flow = await flowOf("Wake up", { type: "transform", config: { value: "{{ input }}" } });
});
after(() => browser.close());

const triggers = async () => (await api("GET", `/flows/${flow}/triggers`)).items;

test("a clock is set, and set otherwise", async () => {
  const page = await open(browser);
  await signIn(page);
  await visit(page, `/flows/${flow}`);
  await page.getByRole("button", { name: "Triggers", exact: true }).click();
  await page.getByRole("button", { name: "Add a trigger" }).click();
  const form = page.getByRole("form", { name: "New trigger" });
  await form.getByLabel("Name").fill("Nightly");
  await form.getByLabel("When").fill("0 99 * * *");
  await form.getByRole("button", { name: "Add" }).click();
  await form.locator('[aria-invalid="true"]').waitFor();
  await form.getByLabel("When").fill("0 3 * * *");
  await form.getByRole("button", { name: "Add" }).click();
  await page.getByText("0 3 * * * · UTC").waitFor();

  await page.getByRole("button", { name: "Edit", exact: true }).click();
  const change = page.getByRole("form", { name: "Change the trigger" });
  assert.ok(await change.getByLabel("Fires").isDisabled());
  await change.getByLabel("Time zone").fill("Europe/Rome");
  await change.getByLabel("Times that were missed").selectOption("skip");
  await change.getByLabel("Revision").fill("first");
  await change.getByRole("button", { name: "Save" }).click();
  await change.locator('[aria-invalid="true"]').waitFor();
  await change.getByLabel("Revision").fill("1");
  await change.getByLabel("Session").fill("fire_time");
  await change.getByRole("button", { name: "Save" }).click();
  await change.getByLabel("Session").and(change.locator('[aria-invalid="true"]')).waitFor();
  await change.getByLabel("Session").fill("/trigger_id");
  await change.getByLabel("Priority").fill("5");
  await change.getByRole("button", { name: "Save" }).click();
  await page.getByText("0 3 * * * · Europe/Rome").waitFor();
  const [{ spec }] = await triggers();
  assert.deepEqual(spec, { name: "Nightly", revision: 1, session_pointer: "/trigger_id", priority: 5, cron: { expression: "0 3 * * *", time_zone: "Europe/Rome", missed: "skip" } });
  await page.getByRole("button", { name: "History", exact: true }).click();
  await page.getByText("It has not fired in the last 30 days.").waitFor();
  assert.deepEqual(page.errors, []);
});

for (const theme of ["light", "dark"]) {
  test(`the form of a trigger fits and is accessible, ${theme}`, async () => {
    const page = await open(browser, { theme });
    await signIn(page);
    await visit(page, `/flows/${flow}`);
    await page.getByRole("button", { name: "Triggers", exact: true }).click();
    await page.getByRole("button", { name: "Edit", exact: true }).click();
    await page.getByRole("form", { name: "Change the trigger" }).waitFor();
    assert.deepEqual([...(await overflow(page)), ...(await violations(page))], []);
    assert.deepEqual(page.errors, []);
  });
}
