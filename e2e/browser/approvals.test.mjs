// What waits for people is answered in one list: with a form, by buttons, in turn; what others answer goes by itself.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { api, launch, open, overflow, signIn, violations, visit } from "./support.mjs";
import { flowOf, over } from "./seed.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const buttons = [{ port: "pay", label: "Pay" }, { port: "refuse", label: "Refuse" }];
const asking = (name, config) =>
  flowOf(name, { type: "approval", config: { title: `${name} {{ input.sum }}?`, buttons, ...config } }, "pay", "{{ nodes.step.output.values }}");

const begin = async (flow, sum) => (await api("POST", `/flows/${flow}/execute`, { input: { sum } })).id;
const item = (page, title) => page.getByRole("button", { name: new RegExp(`^${title}`) });
const count = (page) => page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: /Approvals/ }).locator(".rail-count");

/** The list of what waits tells it a moment after the execution does. */
const told = async (id) => {
  for (;;) {
    const { items } = await api("GET", "/executions?asks=true");
    if (items.some((execution) => execution.id === id)) return id;
  }
};

test("what waits is answered where it is listed, and in turn", async () => {
  const page = await open(browser);
  await signIn(page);
  await visit(page, "/approvals");
  await page.getByText("Nothing waits for a person.").waitFor();
  assert.equal(await count(page).count(), 0);

  const urgent = await asking("Pay", {
    text: "**Twelve** dollars to the baker.",
    form: { type: "object", required: ["account"], properties: { account: { type: "string", minLength: 1 } } },
    deadline_seconds: 1_800,
    least_role: "admin",
  });
  const plain = await asking("Ship", {});
  const shipped = await told(await begin(plain, 1));
  const paid = await told(await begin(urgent, 12));
  const kept = await told(await begin(plain, 3));

  await visit(page, "/approvals");
  assert.deepEqual(await page.locator(".ask-title").allTextContents(), ["Pay 12?", "Ship 1?", "Ship 3?"]);
  await count(page).getByText("3").waitFor();
  const form = page.getByRole("region", { name: "Answer" });
  await form.getByText("Admins and owners can answer.").waitFor();
  await form.getByText(/^in (29|30) min$/).waitFor();
  await form.locator("strong").getByText("Twelve").waitFor();

  await form.getByRole("button", { name: "Pay" }).click();
  await form.locator('[aria-invalid="true"]').waitFor();
  await form.locator("[data-busy]").waitFor({ state: "detached" });
  await form.getByLabel("account", { exact: true }).fill("petty cash");
  await form.getByRole("button", { name: "Pay" }).press("Enter");
  await item(page, "Pay 12").waitFor({ state: "detached" });
  await over(paid);
  assert.deepEqual((await api("GET", `/executions/${paid}`)).output, { account: "petty cash" });

  // The next one is open, and has the focus.
  assert.equal(await item(page, "Ship 1").getAttribute("aria-expanded"), "true");
  assert.equal(await page.evaluate(() => document.activeElement.querySelector(".ask-title")?.textContent), "Ship 1?");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent.startsWith("Open execution")), true);
  await form.getByRole("button", { name: "Refuse" }).click();
  await item(page, "Ship 1").waitFor({ state: "detached" });
  await over(shipped);

  // Somebody else answers.
  await item(page, "Ship 3").waitFor();
  await api("POST", `/executions/${kept}/answers`, { node: "step", port: "pay" });
  await page.getByText("Nothing waits for a person.").waitFor();
  await count(page).waitFor({ state: "detached" });

  // And something new comes by itself.
  await begin(plain, 4);
  await item(page, "Ship 4").waitFor();
  await count(page).getByText("1").waitFor();
  assert.deepEqual(page.errors, []);
});

test("what others have to answer can be left out", async () => {
  const page = await open(browser);
  await signIn(page);
  const mine = await told(await begin(await asking("Mine", {}), 1));
  const others = await told(await begin(await asking("Theirs", { users: ["user_019a0000000070008000000000000000"] }), 2));
  await visit(page, "/approvals");
  await item(page, "Theirs 2").waitFor();
  await page.getByLabel("Only what I may answer").check();
  await item(page, "Theirs 2").waitFor({ state: "detached" });
  await item(page, "Mine 1").waitFor();
  await page.getByText("1 question waits for others.").waitFor();
  for (const id of [mine, others]) {
    await api("POST", `/executions/${id}/cancel`);
    await over(id);
  }
  assert.deepEqual(page.errors, []);
});

for (const theme of ["light", "dark"]) {
  test(`the inbox fits and is accessible, ${theme}`, async () => {
    const flow = await asking("Decide at length about what has to be decided", {
      text: "# Long\n\n" + "Word ".repeat(200),
      form: { type: "object", properties: { account: { type: "string" }, urgent: { type: "boolean" } } },
    });
    await told(await begin(flow, 99));
    const page = await open(browser, { theme });
    await signIn(page);
    await visit(page, "/approvals");
    const wrong = [];
    const other = page.locator(".ask-head[aria-expanded=false]").first();
    await other.click();
    for (const width of [1440, 1024, 390]) {
      await page.setViewportSize({ width, height: 900 });
      wrong.push(...(await overflow(page)), ...(await violations(page)));
    }
    assert.deepEqual(wrong, []);
    assert.deepEqual(page.errors, []);
  });
}
