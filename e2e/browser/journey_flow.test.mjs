// From registering to a flow that runs: drawn, connected, repaired, grouped, annotated, published, run and watched, with its price.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { launch, loaded, nameVendor, open, TROUPE_EMAIL, TROUPE_PASSWORD, violations } from "./support.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

async function register(page) {
  await page.goto("/register");
  await page.getByLabel("Your name").fill("Ada Lovelace");
  await page.getByLabel("Email").fill(TROUPE_EMAIL);
  await page.getByLabel("Organization").fill("Engines");
  await page.getByLabel("Password", { exact: true }).fill(TROUPE_PASSWORD);
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByRole("heading", { name: "Dashboard" }).waitFor();
  await page.getByRole("button", { name: "Organization: Engines" }).waitFor();
}

async function createFlow(page, name) {
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Flows" }).click();
  await page.getByRole("button", { name: "New flow" }).first().click();
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Create flow" }).click();
  await page.locator("#canvas [data-id=start]").waitFor();
  await loaded(page);
}

/** Moves the pointer from the middle of one element to a place, as a hand does. */
async function drag(page, from, to) {
  const { x, y, width, height } = await from.boundingBox();
  await page.mouse.move(x + width / 2, y + height / 2);
  await page.mouse.down();
  await page.mouse.move(to.x, to.y, { steps: 8 });
  await page.mouse.up();
}

const middle = async (locator) => {
  const { x, y, width, height } = await locator.boundingBox();
  return { x: x + width / 2, y: y + height / 2 };
};

const node = (page, id) => page.locator(`#canvas [data-id="${id}"]`);
const connect = async (page, from, to) =>
  drag(page, node(page, from).locator("[data-port]"), await middle(node(page, to)));

/** A model between the trigger and the output, in the place of the edge that joined them. */
async function draw(page) {
  const stage = await page.locator("#canvas").boundingBox();
  await drag(page, page.locator(".palette [data-kind=llm]"), { x: stage.x + stage.width / 2, y: stage.y + stage.height - 160 });
  await node(page, "llm").waitFor();
  await connect(page, "start", "llm");
  await connect(page, "llm", "end");
  await page.waitForFunction(() => document.querySelectorAll("#canvas [data-edge]").length === 3);
  const outline = page.getByRole("button", { name: "Outline" });
  await outline.click();
  await page.getByRole("row", { name: /^start/ }).getByRole("button", { name: "Disconnect end" }).click();
  await outline.click();
  await page.waitForFunction(() => document.querySelectorAll("#canvas [data-edge]").length === 2);
}

/** The problem that the new node has goes with its prompt. */
async function configure(page) {
  await page.getByRole("button", { name: "1 problem" }).click();
  await page.getByRole("button", { name: /llm.*shorter than 1 character/ }).click();
  await page.getByLabel("Prompt *").fill("Explain {{ input.topic }}");
  await page.getByRole("button", { name: "No problems" }).waitFor();
  await page.getByLabel("Model", { exact: true }).fill("vendor/fake-large");
  await node(page, "end").click();
  await page.getByLabel("Value *").fill("{{ nodes.lmm.output }}");
  await page.getByRole("button", { name: "1 problem" }).waitFor();
  await page.getByLabel("Value *").fill("{{ nodes.llm.output }}");
  await page.getByRole("button", { name: "No problems" }).waitFor();
}

/** A group that is collapsed and expanded again, and a note; both are there after a reload. */
async function annotate(page) {
  const group = page.locator("#canvas [data-group]");
  await node(page, "llm").click();
  await node(page, "end").click({ modifiers: ["Shift"] });
  await page.keyboard.press("Control+g");
  await group.getByText("Group 1").waitFor();
  await page.keyboard.press("Alt+g");
  await group.getByText("2 nodes").waitFor();
  assert.equal(await node(page, "llm").count(), 0);
  await page.keyboard.press("Control+z");
  await node(page, "llm").waitFor();
  await page.keyboard.press("F2");
  await page.getByLabel("Name of the group").fill("Answer");
  await page.keyboard.press("Enter");

  await page.keyboard.press("Shift+S");
  await page.getByLabel("Text of the note").fill("Say it **briefly**");
  await page.keyboard.press("Escape");
  await page.locator("#canvas [data-note] strong").getByText("briefly").waitFor();
  await page.getByRole("button", { name: "No problems" }).waitFor();
  await page.locator("[data-saving=Saved]").waitFor();
  await page.reload();
  await loaded(page);
  await group.getByText("Answer").waitFor();
  await page.locator("#canvas [data-note] strong").getByText("briefly").waitFor();
  assert.deepEqual(await violations(page), []);
}

async function publish(page) {
  await page.getByRole("button", { name: "Publish" }).click();
  const dialog = page.getByRole("dialog", { name: "Publish" });
  await dialog.getByLabel("What is new").fill("The first.");
  await dialog.getByRole("button", { name: "Publish" }).click();
  await page.getByText("Published as revision 1.").waitFor();
  await page.getByText("Published as 1").waitFor();
}

async function run(page) {
  await page.getByRole("button", { name: "Run", exact: true }).first().click();
  const panel = page.getByRole("complementary", { name: "Run" });
  await panel.getByLabel("What to run").selectOption("revision");
  await panel.getByLabel("Input", { exact: true }).fill('{"topic": "tea, slowly"}');
  await panel.getByRole("button", { name: "Run", exact: true }).last().click();
  await page.locator("#canvas [data-id=llm][data-state=running]").waitFor();
  await panel.getByRole("button", { name: "Cancel" }).click();
  await panel.getByText("Cancelled").waitFor();

  await panel.getByLabel("Input", { exact: true }).fill('{"topic": "tea"}');
  await panel.getByRole("button", { name: "Run", exact: true }).last().click();
  await page.locator("#canvas [data-id=end][data-state=succeeded]").waitFor();
  await panel.getByText("Explain tea").waitFor();
  return panel;
}

/** A map and its body, drawn and run: the nodes of the body show all their iterations as one. */
async function goThroughAList(page) {
  await createFlow(page, "Go through");
  const stage = await page.locator("#canvas").boundingBox();
  await drag(page, page.locator(".palette [data-kind=map]"), { x: stage.x + stage.width / 2 - 100, y: stage.y + stage.height - 280 });
  await page.locator("#canvas [data-body=map]").waitFor();
  await connect(page, "start", "map");
  await connect(page, "map", "end");
  await connect(page, "transform", "end");
  await page.getByText("both nodes must stand in the same body").waitFor({ state: "attached" });
  const outline = page.getByRole("button", { name: "Outline" });
  await outline.click();
  await page.getByRole("row", { name: /^start/ }).getByRole("button", { name: "Disconnect end" }).click();
  await outline.click();
  await node(page, "map").click();
  await page.getByLabel("Items *").fill("{{ input.list }}");
  await node(page, "transform").click();
  await page.getByLabel("Value *").fill("{{ item * 2 }}");
  await node(page, "end").click();
  await page.getByLabel("Value *").fill("{{ nodes.map.output }}");
  await page.getByRole("button", { name: "No problems" }).waitFor();
  assert.deepEqual(await violations(page), []);
  await page.getByRole("button", { name: "Run", exact: true }).first().click();
  const panel = page.getByRole("complementary", { name: "Run" });
  await panel.getByLabel("Input", { exact: true }).fill('{"list": [1, 2, 3]}');
  await panel.getByRole("button", { name: "Run", exact: true }).last().click();
  await page.locator("#canvas [data-id=end][data-state=succeeded]").waitFor();
  await node(page, "map").getByText("3 of 3").waitFor();
  await node(page, "transform").getByText("3 times").waitFor();
  await panel.getByRole("link", { name: "Open the execution" }).click();
  await page.locator(".execution-name").getByText("Succeeded").waitFor();
}

test("from registering to a run", async () => {
  const page = await open(browser);
  await register(page);
  await nameVendor();
  await createFlow(page, "Explain it");
  await draw(page);
  await configure(page);
  await annotate(page);
  await publish(page);
  const panel = await run(page);

  // 11 tokens at 1,000 dollars a million and 7 at 2,000.
  await panel.locator(".run-outcome .hint").getByText(/18.*0\.025/).waitFor();
  await panel.getByRole("link", { name: "Open the execution" }).click();
  await page.locator(".execution-name").getByText("Succeeded").waitFor();
  const fact = (name) => page.locator(".facts .fact", { has: page.getByText(name, { exact: true }) }).first().locator("dd");
  assert.equal(await fact("Tokens in").textContent(), "11");
  assert.equal(await fact("Tokens out").textContent(), "7");
  assert.match(await fact("Price").textContent(), /0\.025/);

  await page.reload();
  await loaded(page);
  await page.locator(".execution-name").getByText("Succeeded").waitFor();
  await goThroughAList(page);
  assert.deepEqual(page.errors, []);
});
