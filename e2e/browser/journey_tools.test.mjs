// Three kinds of tools are registered and tried, one is used in a flow, and the sandbox shows its limits.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { launch, loaded, open, signIn, visit } from "./support.mjs";

const { OUTSIDE_URL, BUSYBOX_IMAGE } = process.env;
const OPENAPI = JSON.stringify({
  openapi: "3.1.0",
  servers: [{ url: OUTSIDE_URL }],
  paths: {
    "/prices/{item}": {
      get: {
        operationId: "price",
        summary: "Reads a price.",
        parameters: [{ name: "item", in: "path", required: true, schema: { type: "string" } }],
        responses: { 200: { description: "ok" } },
      },
    },
  },
});

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

async function begin(page, kind) {
  await visit(page, "/tools");
  await page.getByRole("button", { name: "New tool" }).first().click();
  await page.getByRole("menuitem", { name: kind }).click();
}

async function create(page, name) {
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Description").fill("A tool of a test.");
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByRole("button", { name: "Save", exact: true }).waitFor();
}

/** Fills the form that the schema made, and calls. */
async function call(page, field, value) {
  const pane = page.getByRole("complementary", { name: "Try it" });
  await pane.getByLabel(field, { exact: true }).fill(value);
  await pane.getByRole("button", { name: "Call" }).click();
  return pane;
}

/** Selects and inserts in one turn, in which the editor cannot follow the selection of the page. */
async function replace(page, source) {
  await page.locator(".cm-content").first().evaluate((content, data) => {
    content.focus();
    getSelection().selectAllChildren(content);
    const options = { inputType: "insertText", data, bubbles: true, cancelable: true, composed: true };
    content.dispatchEvent(new InputEvent("beforeinput", options));
  }, source);
}

async function javascript(page) {
  await begin(page, "JavaScript");
  await page.locator(".cm-content").first().fill("export default ({ text }) => text.toUpperCase()");
  await create(page, "loud");
  const pane = await call(page, "text", "tea");
  await pane.getByText('"TEA"').waitFor();
}

async function container(page) {
  await begin(page, "Container");
  await page.getByLabel("Image").fill(BUSYBOX_IMAGE);
  for (const [n, word] of ["/bin/sh", "-c", "read -r line; echo \\\"${#line}\\\""].entries()) {
    await page.getByRole("group", { name: /Command/ }).getByRole("button", { name: "Add" }).click();
    await page.getByRole("group", { name: /Command/ }).getByRole("textbox").nth(n).fill(word);
  }
  await create(page, "count");
  const pane = await call(page, "text", "tea");
  await pane.getByText("Result", { exact: true }).first().waitFor();
}

async function openapi(page) {
  await begin(page, "Import an OpenAPI document");
  const dialog = page.getByRole("dialog", { name: "Import an OpenAPI document" });
  await dialog.getByLabel("or the document itself").fill(OPENAPI);
  await dialog.getByRole("button", { name: "Import" }).click();
  await dialog.getByText("Made 1 tool.").waitFor();
  await dialog.getByRole("button", { name: "Done" }).click();
  await page.getByRole("link", { name: "price" }).click();
  await loaded(page);
  const pane = await call(page, "item", "tea");
  await pane.getByText("call").first().waitFor();
}

/** A flow in which the tool stands between the trigger and the output. */
async function use(page) {
  await visit(page, "/flows");
  await page.getByRole("button", { name: "New flow" }).first().click();
  await page.getByLabel("Name", { exact: true }).fill("Say it loud");
  await page.getByRole("button", { name: "Create flow" }).click();
  await page.locator("#canvas [data-id=start]").waitFor();
  await page.getByRole("button", { name: "Outline" }).click();
  await page.getByRole("button", { name: "Insert a node before end" }).click();
  await page.getByRole("combobox", { name: "Node to add" }).fill("Tool");
  await page.keyboard.press("Enter");
  await page.getByLabel("Tool *").selectOption({ label: "loud" });
  await page.getByLabel("text *").fill("{{ input.word }}");
  await page.getByRole("button", { name: "end", exact: true }).click();
  await page.getByLabel("Value *").fill("{{ nodes.tool.output }}");
  await page.getByRole("button", { name: "No problems" }).waitFor();
  await page.getByRole("button", { name: "Run", exact: true }).first().click();
  const panel = page.locator(".run-panel");
  await panel.getByLabel("Input", { exact: true }).fill('{"word": "coffee"}');
  await panel.getByRole("button", { name: "Run", exact: true }).click();
  await panel.getByText('"COFFEE"').waitFor();
}

async function limits(page) {
  await begin(page, "JavaScript");
  await replace(page, "export default () => { for (;;); }");
  await page.getByLabel("Time limit in ms").fill("1000");
  await create(page, "endless");
  const pane = await call(page, "text", "tea");
  await pane.getByText("timeout").first().waitFor();
}

test("registered, tried, used, limited", async () => {
  const page = await open(browser);
  await signIn(page);
  await javascript(page);
  await container(page);
  await openapi(page);
  await use(page);
  await limits(page);
  assert.deepEqual(page.errors, []);
});
