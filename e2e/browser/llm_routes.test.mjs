// A route is made, its models ordered by keys and by the pointer, and what somebody else saved meanwhile is not lost.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { api, launch, loaded, open, overflow, signIn, violations, visit } from "./support.mjs";

let browser;
before(async () => {
  browser = await launch();
  await api("POST", "/llm-providers", {
    name: "house",
    kind: "openai_compatible",
    base_url: "https://models.example.com/v1",
    api_key: "a-key-of-nobody",
    models: ["one", "two", "three"].map((name) => ({ name, price: { prompt: "1", completion: "2" } })),
  });
});
after(() => browser.close());

const dialog = (page) => page.getByRole("dialog");
const grip = (page, model) => dialog(page).getByRole("button", { name: `Move house/${model}: ` });
const order = (page) => dialog(page).locator(".deployment code").allTextContents();
const row = (page, name) => page.getByRole("row", { name: new RegExp(`^${name} `) });
const models = (name) => (page) => row(page, name).locator("code").allTextContents();

/** What was done is drawn a little later. */
async function shows(read, page, expected) {
  const until = Date.now() + 10_000;
  let found = await read(page);
  while (!isDeepStrictEqual(found, expected) && Date.now() < until) {
    await page.evaluate(() => new Promise(requestAnimationFrame));
    found = await read(page);
  }
  assert.deepEqual(found, expected);
}

async function begin(page, name) {
  await page.getByRole("button", { name: "New route" }).first().click();
  await dialog(page).getByLabel("Name", { exact: true }).fill(name);
  for (const model of ["one", "two", "three"]) await dialog(page).getByLabel("Add a model").selectOption(`house/${model}`);
  await shows(order, page, ["house/one", "house/two", "house/three"]);
}

async function edit(page, name) {
  await page.getByRole("button", { name: `Actions for ${name}` }).click();
  await page.getByRole("menuitem", { name: "Edit" }).click();
}

/** By keys, from anywhere in the row; the focus stays, and it is said where the row went. */
async function moveByKeys(page) {
  await grip(page, "three").focus();
  await page.keyboard.press("Alt+ArrowUp");
  await dialog(page).getByText("house/three is number 2 of 3.").waitFor();
  await page.keyboard.press("Alt+ArrowUp");
  await dialog(page).getByText("house/three is number 1 of 3.").waitFor();
  // There is nothing above it.
  await page.keyboard.press("Alt+ArrowUp");
  await shows(order, page, ["house/three", "house/one", "house/two"]);
  assert.match(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), /^Move house\/three/);
  // A button that is off after its click leaves the focus with the row.
  await dialog(page).getByRole("button", { name: "Move house/two up" }).press("Enter");
  await dialog(page).getByText("house/two is number 2 of 3.").waitFor();
  await dialog(page).getByRole("button", { name: "Move house/two up" }).press("Enter");
  await dialog(page).getByText("house/two is number 1 of 3.").waitFor();
  assert.match(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), /^Move house\/two: /);
  await shows(order, page, ["house/two", "house/three", "house/one"]);
}

/** Onto the lower half of the last row, and the last one back to the top. */
async function moveByPointer(page) {
  const drag = async (model, to) => {
    const from = await grip(page, model).boundingBox();
    await page.mouse.move(from.x + from.width / 2, from.y + from.height / 2);
    await page.mouse.down();
    await page.mouse.move(from.x + from.width / 2, to, { steps: 8 });
    await page.mouse.up();
  };
  const list = await dialog(page).locator(".deployments").boundingBox();
  await drag("two", list.y + list.height - 2);
  await shows(order, page, ["house/three", "house/one", "house/two"]);
  await drag("two", list.y - 40);
  await shows(order, page, ["house/two", "house/three", "house/one"]);
  // Once it is let go, the pointer moves nothing any more.
  await page.mouse.move(list.x + 10, list.y + list.height - 2);
  await shows(order, page, ["house/two", "house/three", "house/one"]);
}

test("models are ordered by keys and by the pointer, and stay so", async () => {
  const page = await open(browser);
  await signIn(page);
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Models" }).click();
  await page.getByRole("navigation", { name: "Models" }).getByRole("link", { name: "Routes" }).click();
  await page.getByText("No route yet").waitFor();
  await begin(page, "careful");
  await moveByKeys(page);
  await moveByPointer(page);
  await dialog(page).getByRole("button", { name: "Create route" }).click();
  await page.getByText("Saved “careful”.").waitFor();
  const expected = ["house/two", "house/three", "house/one"];
  await shows(models("careful"), page, expected);
  await page.reload();
  await loaded(page);
  await shows(models("careful"), page, expected);
  assert.deepEqual(page.errors, []);
});

test("weights, failures and times are kept, and what is wrong is told beside its field", async () => {
  const page = await open(browser);
  await signIn(page);
  await visit(page, "/routes");
  await begin(page, "shared");
  await dialog(page).getByLabel("Asks first").selectOption("weighted");
  await dialog(page).getByLabel("Weight of house/one").fill("3");
  await dialog(page).getByText("60 %").waitFor();
  await dialog(page).getByLabel("Its rules forbid the question").check();
  await dialog(page).getByText("Attempts and times").click();
  await dialog(page).getByLabel("To the first word (ms)").fill("soon");
  await dialog(page).getByRole("button", { name: "Create route" }).click();
  await dialog(page).getByText("Has to be a whole number.").waitFor();
  await dialog(page).getByLabel("To the first word (ms)").fill("0");
  await dialog(page).getByRole("button", { name: "Create route" }).click();
  await dialog(page).getByText("1 to 900000.").waitFor();
  await dialog(page).getByLabel("To the first word (ms)").fill("5000");
  await dialog(page).getByRole("button", { name: "Create route" }).click();
  await page.getByText("Saved “shared”.").waitFor();
  const { items } = await api("GET", "/llm/routes");
  const { spec } = items.find(({ spec }) => spec.name === "shared");
  assert.deepEqual(spec.deployments.map(({ weight }) => weight), [3, 1, 1]);
  assert.deepEqual(spec.fallback_on, ["error", "rate_limit", "context_window", "content_policy"]);
  assert.equal(spec.first_token_timeout_ms, 5000);
  assert.deepEqual(page.errors, []);
});

test("limits, cache and guardrails are asked for, and unfold where they are wrong", async () => {
  const page = await open(browser);
  await signIn(page);
  await visit(page, "/routes");
  await begin(page, "guarded");
  const field = (label) => dialog(page).getByLabel(label, { exact: true });
  const unfold = async (title) => {
    // The heading of what is folded away is reached and opened by keys.
    await dialog(page).locator("summary", { hasText: title }).focus();
    await page.keyboard.press("Enter");
  };
  await unfold("Limits");
  await field("Questions at the same time").fill("0");
  await unfold("Cache");
  await field("Equal questions get the same answer again").check();
  await field("An answer counts for (seconds)").fill("soon");
  // Nobody sees the fields of what is folded away: what is wrong there unfolds it.
  await unfold("Cache");
  await dialog(page).getByRole("button", { name: "Create route" }).click();
  await dialog(page).getByText("Has to be a whole number.").waitFor();
  await field("An answer counts for (seconds)").fill("60");
  await field("Also questions that mean the same").check();
  await field("Model for vectors").selectOption("rehearsal/rehearsal");
  await field("Alike from").fill("0.2");
  await unfold("Guardrails");
  await field("Mail addresses").check();
  await field("Blocked texts").fill(`Project X\n${"x".repeat(201)}`);
  await field("Answers are JSON objects").check();
  await field("Tokens of an answer at most").fill("500");
  await dialog(page).getByRole("button", { name: "Create route" }).click();
  await dialog(page).getByText("Text 2: 1 to 200 characters.").waitFor();
  await dialog(page).getByText("1 to 100000.", { exact: true }).waitFor();
  await dialog(page).getByText("0.5 to 1.", { exact: true }).waitFor();
  await field("Alike from").fill("0.9");
  await field("Questions at the same time").fill("4");
  await field("Blocked texts").fill("Project X\n\n");
  await dialog(page).getByRole("button", { name: "Create route" }).click();
  await page.getByText("Saved “guarded”.").waitFor();
  const kept = async () => (await api("GET", "/llm/routes")).items.find(({ spec }) => spec.name === "guarded").spec;
  const { limits, cache, guardrails } = await kept();
  assert.deepEqual(limits, { parallel: 4 });
  assert.deepEqual(cache, { ttl_s: 60, semantic: { model: "rehearsal/rehearsal", threshold: 0.9, max_entries: 500 } });
  assert.deepEqual(guardrails, { redact: ["email"], blocked: ["Project X"], json_only: true, max_output_tokens: 500 });
  // And taken away again.
  await edit(page, "guarded");
  await unfold("Cache");
  await field("Equal questions get the same answer again").uncheck();
  await unfold("Limits");
  await field("Questions at the same time").fill("");
  await dialog(page).getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved “guarded”.").last().waitFor();
  await dialog(page).waitFor({ state: "detached" });
  const left = await kept();
  assert.equal(left.limits, undefined);
  assert.equal(left.cache, undefined);
  assert.deepEqual(left.guardrails, guardrails);
  assert.deepEqual(page.errors, []);
});

test("what somebody else saved meanwhile is seen before it is replaced", async () => {
  const page = await open(browser);
  await signIn(page);
  const spec = { name: "busy", deployments: [{ provider: "house", model: "one" }] };
  const { id } = await api("POST", "/llm/routes", spec);
  await visit(page, "/routes");
  await edit(page, "busy");
  await dialog(page).getByLabel("Add a model").selectOption("house/two");
  await api("PUT", `/llm/routes/${id}`, { ...spec, strategy: "cheapest" });
  await dialog(page).getByRole("button", { name: "Save" }).click();
  await dialog(page).getByText("Changed there: strategy.").waitFor();
  await dialog(page).getByRole("button", { name: "Take theirs" }).click();
  assert.equal(await dialog(page).getByLabel("Asks first").inputValue(), "cheapest");
  await shows(order, page, ["house/one"]);
  await dialog(page).getByLabel("Add a model").selectOption("house/three");
  await api("PUT", `/llm/routes/${id}`, spec);
  await dialog(page).getByRole("button", { name: "Save" }).click();
  await dialog(page).getByRole("button", { name: "Keep mine" }).click();
  await page.getByText("Saved “busy”.").waitFor();
  await shows(models("busy"), page, ["house/one", "house/three"]);
  await page.getByRole("button", { name: "Actions for busy" }).click();
  await page.getByRole("menuitem", { name: "Remove" }).click();
  await dialog(page).getByRole("button", { name: "Remove route" }).click();
  await page.getByText("Removed “busy”.").waitFor();
  await row(page, "busy").waitFor({ state: "detached" });
  assert.deepEqual(page.errors, []);
});

test("who may only read is offered no changes, and a refusal is told", async () => {
  const page = await open(browser);
  // A second account in the organization would need an invitation by mail.
  await page.route(/\/api\/v1\/auth\/(login|refresh)$/, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), role: "viewer" } });
  });
  await signIn(page);
  await visit(page, "/routes");
  await row(page, "careful").waitFor();
  assert.equal(await page.getByRole("button", { name: /New route|Actions for/ }).count(), 0);
  const problem = { type: "urn:troupe:problem:forbidden", title: "not allowed", status: 403, code: "forbidden", detail: "it takes the permission `provider:read`" };
  await page.route("**/api/v1/llm/budgets?*", (route) =>
    route.fulfill({ status: 403, contentType: "application/problem+json", body: JSON.stringify(problem) }),
  );
  await visit(page, "/budgets");
  await page.getByText("Your role does not allow this").waitFor();
  assert.equal(await page.getByRole("button", { name: "Try again" }).count(), 0);
  assert.deepEqual(page.errors, []);
});

for (const theme of ["light", "dark"]) {
  test(`the form fits and is accessible, ${theme}`, async () => {
    const page = await open(browser, { theme });
    await signIn(page);
    await visit(page, "/routes");
    await begin(page, theme);
    await dialog(page).getByLabel("Asks first").selectOption("weighted");
    for (const fold of ["Attempts and times", "Limits", "Cache", "Guardrails"]) await dialog(page).locator("summary", { hasText: fold }).click();
    await dialog(page).getByLabel("Equal questions get the same answer again").check();
    await dialog(page).getByLabel("Also questions that mean the same").check();
    const wrong = [];
    for (const width of [1440, 390]) {
      await page.setViewportSize({ width, height: 900 });
      wrong.push(...(await overflow(page)), ...(await violations(page)));
    }
    assert.deepEqual(wrong, []);
    assert.deepEqual(page.errors, []);
  });
}
