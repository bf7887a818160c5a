// A provider of any kind is added by the form that its kind needs, tested as it is saved, and repaired where it does not answer.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { launch, open, overflow, signIn, violations, visit } from "./support.mjs";

const { VENDOR_URL, VENDOR_KEY } = process.env;

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const field = (page, name) => page.getByRole("dialog").getByLabel(name, { exact: true });

/** The addresses and keys that each kind asks for. */
const ASKED = {
  openai: ["https://api.openai.com/v1", ["API key"]],
  anthropic: ["https://api.anthropic.com/v1", ["API key"]],
  gemini: ["https://generativelanguage.googleapis.com/v1beta", ["API key"]],
  azure: ["", ["Endpoint", "API key"]],
  bedrock: ["https://bedrock-runtime.us-east-1.amazonaws.com", ["Region", "Endpoint", "Access key ID", "Secret access key", "Session token (optional)"]],
  mistral: ["https://api.mistral.ai/v1", ["API key"]],
  groq: ["https://api.groq.com/openai/v1", ["API key"]],
  ollama: ["http://localhost:11434/v1", ["API key"]],
  vllm: ["http://localhost:8000/v1", ["API key"]],
};

async function lookAtKinds(page) {
  const wrong = [];
  const kinds = await field(page, "Kind").locator("option").evaluateAll((options) => options.map(({ value }) => value));
  assert.deepEqual(kinds, Object.keys(ASKED));
  for (const [kind, [address, labels]] of Object.entries(ASKED)) {
    await field(page, "Kind").selectOption(kind);
    for (const label of labels) await field(page, label).waitFor();
    assert.equal(await page.getByRole("dialog").locator("input[type=url]").inputValue(), address);
    assert.equal(await field(page, "Name").inputValue(), kind);
    for (const width of [1440, 390]) {
      await page.setViewportSize({ width, height: 900 });
      wrong.push(...(await overflow(page)), ...(await violations(page)));
    }
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  assert.deepEqual(wrong, []);
}

async function addBedrock(page) {
  await field(page, "Kind").selectOption("bedrock");
  await field(page, "Region").fill("eu-central-1");
  assert.equal(await field(page, "Endpoint").inputValue(), "https://bedrock-runtime.eu-central-1.amazonaws.com");
  await field(page, "Access key ID").fill("AKIAEXAMPLE");
  await field(page, "Secret access key").fill("a/secret");
  await field(page, "Session token (optional)").fill("token");
  await field(page, "Models").fill("us.anthropic.claude-sonnet-4-5-20250929-v1:0 3 15");
  await field(page, "Test it when it is saved").uncheck();
  const sent = page.waitForRequest((request) => request.method() === "POST" && request.url().endsWith("/llm-providers"));
  await page.getByRole("dialog").getByRole("button", { name: "Add provider" }).click();
  const body = (await sent).postDataJSON();
  assert.equal(body.api_key, "AKIAEXAMPLE:a/secret:token");
  assert.equal(body.kind, "bedrock");
  const row = page.getByRole("row", { name: /bedrock/ });
  await row.getByText("Amazon Bedrock").waitFor();
}

/** Refused by the form, then by the vendor; then it answers. */
async function addVendor(page) {
  await page.getByRole("button", { name: "Add provider" }).first().click();
  await field(page, "Name").fill("house");
  await field(page, "Base URL").fill(VENDOR_URL);
  await field(page, "API key").fill("not-the-key");
  await field(page, "Models").fill("fake-large 1");
  await page.getByRole("dialog").getByRole("button", { name: "Add provider" }).click();
  await page.getByRole("dialog").getByText(/has to be a name, with two to four prices or none/).first().waitFor();
  await field(page, "Models").fill("fake-large 1 2\nfake-large");
  await page.getByRole("dialog").getByRole("button", { name: "Add provider" }).click();
  await page.getByRole("dialog").getByText(/^Model 2: /).waitFor();
  await field(page, "Models").fill("fake-large 1 2");
  await page.getByRole("dialog").getByRole("button", { name: "Add provider" }).click();
  await page.getByRole("dialog").getByText(/It is saved, but does not answer/).waitFor();
  await field(page, "API key").fill(VENDOR_KEY);
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await page.getByText(/Saved “house”: it answered in/).waitFor();
}

async function change(page) {
  await page.getByRole("button", { name: "Actions for house" }).click();
  await page.getByRole("menuitem", { name: "Edit" }).click();
  assert.ok(await field(page, "Kind").isDisabled());
  assert.equal(await field(page, "API key").inputValue(), "");
  await field(page, "Models").fill("fake-large 3 4");
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await page.getByText(/Saved “house”: it answered in/).first().waitFor();
  await page.getByRole("row", { name: /house\/fake-large/ }).getByText("$3").waitFor();
}

for (const theme of ["light", "dark"]) {
  test(`providers of every kind have their form, ${theme}`, async () => {
    const page = await open(browser, { theme });
    await signIn(page);
    await visit(page, "/providers");
    await page.getByRole("button", { name: "Add provider" }).first().click();
    await lookAtKinds(page);
    assert.deepEqual(page.errors, []);
  });
}

test("a provider is added, repaired and changed", async () => {
  const page = await open(browser);
  await signIn(page);
  await visit(page, "/providers");
  await page.getByRole("button", { name: "Add provider" }).first().click();
  await addBedrock(page);
  await addVendor(page);
  await change(page);
  assert.deepEqual(page.errors, []);
});
