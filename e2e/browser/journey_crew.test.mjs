// Two agents, a crew whose second task uses the first, and a chat with it: streamed, stopped, and answered again.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { launch, loaded, nameVendor, open, signIn, visit } from "./support.mjs";
import { addTool } from "./seed.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const create = async (page, path) => {
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.waitForURL((url) => url.pathname.startsWith(`${path}/`) && url.pathname !== `${path}/new`);
  await page.getByRole("button", { name: "Save", exact: true }).waitFor();
};

async function createAgent(page, { name, tools = [] }) {
  await visit(page, "/agents");
  await page.getByRole("link", { name: "New agent" }).first().click();
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Role", { exact: true }).fill(`a ${name}`);
  await page.getByLabel("Goal", { exact: true }).fill("Do what is asked.");
  await page.getByLabel("Model", { exact: true }).selectOption("vendor/fake-large");
  for (const tool of tools) await page.getByLabel("Tools", { exact: true }).last().selectOption({ label: tool });
  await create(page, "/agents");
}

async function createCrew(page) {
  await visit(page, "/crews");
  await page.getByRole("link", { name: "New crew" }).first().click();
  await page.getByLabel("Name", { exact: true }).fill("desk");
  for (const agent of ["clerk", "writer"]) await page.getByLabel("Add an agent").selectOption({ label: agent });
  const tasks = page.getByRole("region", { name: "Tasks" });
  for (const [n, { name, agent, text }] of [
    { name: "count", agent: "clerk", text: "{{ input.message }}" },
    { name: "write", agent: "writer", text: "Tell the result." },
  ].entries()) {
    await page.getByRole("button", { name: "Add a task" }).click();
    await page.getByLabel(`Name of task ${n + 1}`).fill(name);
    await page.getByLabel(`Agent of task ${n + 1}`).selectOption({ label: agent });
    await tasks.getByLabel("What is to be done").nth(n).fill(text);
    await tasks.getByLabel("Expected output").nth(n).fill("A sentence.");
  }
  await tasks.getByLabel("Uses results of").last().selectOption({ label: "count" });
  await create(page, "/crews");
}

async function beginChat(page) {
  await visit(page, "/chat");
  await page.getByRole("button", { name: "New conversation" }).first().click();
  const dialog = page.getByRole("dialog", { name: "New conversation" });
  await dialog.getByRole("tab", { name: "Crews" }).click();
  await dialog.getByRole("button", { name: "desk" }).click();
  await page.getByLabel("Message", { exact: true }).waitFor();
  await loaded(page);
}

async function say(page, text) {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.getByRole("button", { name: "Send" }).click();
}

test("a crew is made and answers", async () => {
  const page = await open(browser);
  await signIn(page);
  await nameVendor();
  await addTool("add");
  await createAgent(page, { name: "clerk", tools: ["add"] });
  await createAgent(page, { name: "writer" });
  await createCrew(page);
  await beginChat(page);

  await say(page, "How much are they together?");
  const answers = page.getByRole("article", { name: "Answer" });
  const call = answers.first().locator(".chat-call");
  await call.waitFor();
  await call.getByText("by clerk").waitFor();
  await answers.first().getByRole("button", { name: "Regenerate" }).waitFor();
  await call.locator("summary").click();
  assert.match(await call.locator(".chat-call-body").textContent(), /Arguments.*19.*23.*Result.*42/s);
  // What the writer was told holds the clerk's result.
  await answers.first().getByText("The tool says 42.").first().waitFor();

  await say(page, "Now tell me slowly");
  await answers.nth(1).getByText("word word word").waitFor();
  await page.getByRole("button", { name: "Stop" }).click();
  await answers.nth(1).getByText("Stopped").waitFor();

  await answers.nth(1).getByRole("button", { name: "Regenerate" }).click();
  await page.getByRole("button", { name: "Stop" }).waitFor();
  await answers.nth(1).getByText("word word word").waitFor();
  await page.getByRole("button", { name: "Stop" }).click();
  await answers.nth(1).getByRole("button", { name: "Version before" }).click();
  await answers.nth(1).getByRole("button", { name: "Next version" }).waitFor();

  await page.reload();
  await loaded(page);
  await answers.first().getByText("The tool says 42.").first().waitFor();
  assert.equal(await answers.count(), 2);
  assert.deepEqual(page.errors, []);
});
