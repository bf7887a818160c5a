// Calls that were really made are found in budgets, usage and the list of calls; a budget that is used up stands out and stops them.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { api, launch, nameVendor, open, overflow, signIn, violations, visit } from "./support.mjs";
import { ended, flowOf } from "./seed.mjs";

const { VENDOR_URL, VENDOR_KEY } = process.env;

let browser;
let flow;
let execution;
before(async () => {
  browser = await launch();
  await nameVendor();
  const asks = (model) => ({ type: "llm", name: "Ask", config: { model, prompt: "Say hello." } });
  flow = await flowOf("Greet by rehearsal", asks("rehearsal/rehearsal"));
  execution = await ended(flow);
  await ended(await flowOf("Greet by the vendor", asks("vendor/fake-large")));
  // Its price is not known.
  await api("POST", "/llm-providers", { name: "free", kind: "openai_compatible", base_url: VENDOR_URL, api_key: VENDOR_KEY, models: [{ name: "unpriced" }] });
  await ended(await flowOf("Greet for an unknown price", asks("free/unpriced")));
});
after(() => browser.close());

const dialog = (page) => page.getByRole("dialog");
const budget = (page, name) => page.getByRole("listitem").filter({ has: page.getByRole("heading", { name, exact: true }) });
const meter = (page, name) => budget(page, name).getByRole("meter").first();

/** Opens a page until it shows what the archive gets within seconds. */
async function shown(page, path, locator) {
  do await visit(page, path);
  while ((await locator.count()) === 0);
}

async function create(page, name, limit, choose = async () => {}) {
  await page.getByRole("button", { name: "New budget" }).first().click();
  await dialog(page).getByLabel("Name", { exact: true }).fill(name);
  await dialog(page).getByLabel("Limit in US dollars").fill(limit);
  await choose();
  await dialog(page).getByRole("button", { name: "Create budget" }).click();
}

test("a budget is made, used up, raised and removed", async () => {
  const page = await open(browser);
  await signIn(page);
  await visit(page, "/budgets");
  await page.getByText("No budget yet").waitFor();
  await create(page, "all of us", "much");
  await dialog(page).getByText("Has to be an amount of dollars.").waitFor();
  await dialog(page).getByLabel("Limit in US dollars").fill("100");
  await dialog(page).getByRole("button", { name: "Create budget" }).click();
  await page.getByText("Saved “all of us”.").waitFor();
  await create(page, "greetings", "50", async () => {
    await dialog(page).getByLabel("Limits", { exact: true }).selectOption("flow");
    await dialog(page).getByLabel("Flow", { exact: true }).selectOption({ label: "Greet by rehearsal" });
    await dialog(page).getByLabel("Period", { exact: true }).selectOption("day");
  });
  await budget(page, "greetings").getByText("Flow Greet by rehearsal").waitFor();
  await budget(page, "greetings").getByText("$50 a day").waitFor();
  // Every flow by itself, with what one of them spent.
  await create(page, "each flow", "60", () => dialog(page).getByLabel("Limits", { exact: true }).selectOption("flow"));
  await ended(await flowOf("Greet dearly", { type: "llm", config: { model: "vendor/fake-large", prompt: "Say hello.", max_tokens: 20 } }));
  const spent = () => api("GET", "/llm/budgets").then(({ items }) => items.find(({ spec }) => spec.name === "each flow").usage);
  let usage;
  do usage = await spent();
  while (!usage.length || usage[0].reserved !== "0");
  await visit(page, "/budgets");
  await budget(page, "each flow").getByText("Greet dearly").waitFor();
  assert.match(await meter(page, "each flow").getAttribute("aria-valuetext"), /^\$0\.\d+ of \$60$/);
  await exhaust(page, usage[0].spent);
  assert.deepEqual(page.errors, []);
});

/** A limit that is spent already: it stands out, and the next question is refused. */
async function exhaust(page, spent) {
  await page.getByRole("button", { name: "Actions for each flow" }).click();
  await page.getByRole("menuitem", { name: "Edit" }).click();
  assert.ok(await dialog(page).getByLabel("Limits", { exact: true }).isDisabled());
  await dialog(page).getByLabel("Limit in US dollars").fill(spent);
  await dialog(page).getByRole("button", { name: "Save" }).click();
  await budget(page, "each flow").getByText("Exhausted").waitFor();
  assert.equal(await meter(page, "each flow").getAttribute("aria-valuenow"), "100");
  await page.getByRole("button", { name: "Actions for each flow" }).click();
  await page.getByRole("menuitem", { name: "Remove" }).click();
  await dialog(page).getByRole("button", { name: "Remove budget" }).click();
  await page.getByText("Removed “each flow”.").waitFor();
  await budget(page, "each flow").waitFor({ state: "detached" });
}

test("usage is told by model, flow and user, and an unknown price is not nothing", async () => {
  const page = await open(browser);
  await signIn(page);
  const row = (name) => page.getByRole("row", { name: new RegExp(`^${name}`) });
  await shown(page, "/usage", row("free/unpriced"));
  await row("free/unpriced").getByText("unknown", { exact: true }).waitFor();
  await row("rehearsal/rehearsal").getByText("$0", { exact: true }).waitFor();
  await row("In all").getByText(/\+ \d+ unpriced/).waitFor();
  await page.getByText("a price is unknown").waitFor();
  // What a group took stands out in the chart.
  await row("vendor/fake-large").getByRole("button").click();
  await page.locator(".chart figcaption").getByText("vendor/fake-large").waitFor();
  await page.reload();
  await page.locator(".chart figcaption").getByText("vendor/fake-large").waitFor();
  const total = async () => (await row("In all").locator("td").first().innerText()).split("\n")[0];
  const before = await total();
  await page.getByText("By day", { exact: true }).click();
  const day = page.getByRole("region", { name: "Usage by day" }).locator("tbody tr").first();
  assert.equal((await day.locator("td").first().innerText()).split("\n")[0], before);
  await page.getByLabel("Put together").selectOption("flow");
  await row("Greet by rehearsal").waitFor();
  await page.getByLabel("Put together").selectOption("user");
  await row("ada").waitFor();
  assert.equal(await total(), before);
  await page.getByLabel("Measure").selectOption("tokens");
  await page.getByRole("img", { name: /^Tokens by day/ }).waitFor();
  await page.getByLabel("Days", { exact: true }).selectOption("days");
  await page.getByLabel("From").fill("2020-01-01");
  await page.getByLabel("To", { exact: true }).fill("2020-01-31");
  await page.getByText("No model was asked in these days.").waitFor();
  assert.deepEqual(page.errors, []);
});

test("a call is found, explained, and leads to its execution", async () => {
  const page = await open(browser);
  await signIn(page);
  const rows = page.locator("tbody tr");
  await shown(page, "/calls?model=rehearsal/rehearsal", rows);
  await visit(page, "/calls");
  await page.getByLabel("Model", { exact: true }).selectOption("rehearsal/rehearsal");
  await page.waitForURL((url) => url.search.includes("model="));
  await rows.first().getByText("Answered").waitFor();
  assert.equal(await rows.count(), 1);
  await page.getByLabel("Outcome", { exact: true }).selectOption("failed");
  await page.getByText("No call fits these filters.").waitFor();
  await page.goBack();
  await rows.first().getByRole("link").first().click();
  await page.getByRole("heading", { name: "Attempts" }).waitFor();
  await page.getByRole("link", { name: "Greet by rehearsal" }).waitFor();
  const attempts = page.getByRole("region", { name: "Attempts" }).locator("tbody tr");
  assert.equal(await attempts.count(), 1);
  await page.getByRole("link", { name: "The step that asked" }).click();
  await page.waitForURL((url) => url.pathname === `/executions/${execution}` && url.searchParams.get("step") === "step");
  assert.deepEqual(page.errors, []);
});

test("an execution leads to what it asked", async () => {
  const page = await open(browser);
  await signIn(page);
  const rows = page.locator("tbody tr");
  await shown(page, `/calls?execution=${execution}`, rows);
  await visit(page, `/executions/${execution}`);
  await page.getByRole("link", { name: "Calls of models" }).click();
  await page.waitForURL((url) => url.pathname === "/calls" && url.searchParams.get("execution") === execution);
  await rows.first().getByText("rehearsal/rehearsal").waitFor();
  assert.equal(await rows.count(), 1);
  await page.getByRole("button", { name: /^exec …/ }).click();
  await page.waitForURL((url) => !url.search.includes("execution="));
  await rows.nth(1).waitFor();
  assert.deepEqual(page.errors, []);
});

test("a call that is not there is told so", async () => {
  const page = await open(browser);
  await signIn(page);
  await visit(page, "/calls/call_019a0000000070008000000000000000");
  await page.getByText("This does not exist").waitFor();
  assert.deepEqual(page.errors, []);
});

for (const theme of ["light", "dark"]) {
  test(`budgets, usage and calls fit and are accessible, ${theme}`, async () => {
    const page = await open(browser, { theme });
    await signIn(page);
    const { items } = await api("GET", "/llm/calls");
    const wrong = [];
    for (const path of ["/budgets", "/usage?group=vendor/fake-large", "/usage?by=user&last=365d", "/calls", `/calls/${items[0].id}`]) {
      await visit(page, path);
      for (const width of [1440, 390]) {
        await page.setViewportSize({ width, height: 900 });
        wrong.push(...(await overflow(page)), ...(await violations(page)));
      }
    }
    assert.deepEqual(wrong, []);
    assert.deepEqual(page.errors, []);
  });
}

test("the words of calls are kept once somebody wants that, and what tells who somebody is is struck out", async () => {
  const page = await open(browser);
  await signIn(page);
  await visit(page, "/calls");
  const save = page.getByRole("button", { name: "Save", exact: true });
  assert.ok(await save.isDisabled());
  await page.getByLabel("The words are kept").selectOption("all");
  await page.getByLabel("Phone numbers").uncheck();
  await save.click();
  await page.getByText("Saved. It counts for calls from now on.").waitFor();
  assert.deepEqual(await api("GET", "/llm/recording"), { bodies: "all", redact: ["email", "card", "iban"] });
  const asks = { type: "llm", name: "Ask", config: { model: "rehearsal/rehearsal", prompt: "Write to grace@example.com." } };
  const run = await ended(await flowOf("Write a letter", asks));
  let call;
  do [call] = (await api("GET", `/llm/calls?execution_id=${run}`)).items;
  while (!call?.recorded);
  await shown(page, `/calls/${call.id}`, page.getByRole("heading", { name: "Answer", exact: true }));
  await page.getByText("Write to [email].").first().waitFor();
  await page.getByText("finish_reason").waitFor();
  assert.equal(await page.getByText("grace@example.com").count(), 0);
  await api("PUT", "/llm/recording", { bodies: "off" });
  assert.deepEqual(page.errors, []);
});
