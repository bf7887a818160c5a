// Nodes of an older version of their type keep to it, show what the current one changes, and are upgraded without losing an edge.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { api, launch, loaded, open, overflow, signIn, violations, visit } from "./support.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const call = (id, type_version) => ({
  id,
  type: "http",
  type_version,
  config: { method: "POST", url: "https://example.com/orders", body: { order: "{{ input.order }}" } },
  position: { x: 280, y: id === "order" ? 0 : 160 },
});

/** The draft of a flow with two calls of the first version; its id. */
async function draft() {
  const nodes = [
    { id: "start", type: "trigger", position: { x: 0, y: 0 } },
    call("order", 1),
    call("invoice", 1),
    { id: "end", type: "output", config: { value: 1 }, position: { x: 560, y: 0 } },
  ];
  const edges = [
    { from: "start", to: "order" },
    { from: "start", to: "invoice" },
    { from: "order", to: "end" },
    { from: "invoice", to: "end" },
  ];
  return (await api("POST", "/flows", { name: "Order", definition: { nodes, edges } })).id;
}

/** The draft's nodes, by their ids, and its edges. */
async function stored(id) {
  const { definition } = await api("GET", `/flows/${id}`);
  return { nodes: Object.fromEntries(definition.nodes.map((node) => [node.id, node])), edges: definition.edges };
}

test("an integrator sees what an upgrade changes, and does it", async () => {
  const id = await draft();
  const seen = await api("POST", `/flows/${id}/draft/upgrade`, { nodes: ["order"] });
  assert.equal(seen.applied, false);
  assert.deepEqual(seen.nodes.map(({ node, from, to }) => ({ node, from, to })), [{ node: "order", from: 1, to: 2 }]);
  assert.deepEqual(seen.nodes[0].after.body, { value: { order: "{{ input.order }}" } });
  const before = await stored(id);
  assert.equal(before.nodes.order.type_version, 1);
  await assert.rejects(api("POST", `/flows/${id}/draft/upgrade`, { nodes: ["nobody"] }), /422.*`nobody`/);
  assert.equal((await api("POST", `/flows/${id}/draft/upgrade`, { nodes: ["order"], apply: true })).applied, true);
  const after = await stored(id);
  assert.deepEqual([after.nodes.order.type_version, after.nodes.invoice.type_version], [2, 1]);
  assert.deepEqual(after.edges, before.edges);
});

for (const theme of ["light", "dark"]) {
  test(`the editor shows an upgrade and does it as one step, ${theme}`, async () => {
    const id = await draft();
    const before = await stored(id);
    const page = await open(browser, { theme });
    await signIn(page);
    await visit(page, `/flows/${id}`);
    await page.locator('#canvas [data-id="order"]').click();
    await page.getByText("Version 1 of 2").waitFor();
    await page.getByRole("button", { name: "Upgrade", exact: true }).click();
    const dialog = page.getByRole("dialog", { name: "Upgrade" });
    await dialog.getByText("All 4 connections of the flow are kept.").waitFor();
    assert.ok((await dialog.locator("ins").allInnerTexts()).some((line) => line.includes('"value"')));
    const wrong = [];
    for (const width of [1440, 390]) {
      await page.setViewportSize({ width, height: 900 });
      wrong.push(...(await overflow(page)), ...(await violations(page)));
    }
    assert.deepEqual(wrong, []);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await page.setViewportSize({ width: 1440, height: 900 });

    await page.getByRole("button", { name: "Upgrade all 2 nodes of older versions" }).click();
    await dialog.getByRole("button", { name: "Apply" }).click();
    await page.getByRole("button", { name: /^Upgrade all/ }).waitFor({ state: "detached" });
    await page.locator("[data-saving=Saved]").waitFor();
    const upgraded = await stored(id);
    assert.deepEqual([upgraded.nodes.order.type_version, upgraded.nodes.invoice.type_version], [2, 2]);
    assert.deepEqual(upgraded.edges, before.edges);

    await page.locator("#canvas").focus();
    await page.keyboard.press("Control+z");
    await page.getByRole("button", { name: "Upgrade all 2 nodes of older versions" }).waitFor();
    await page.locator("[data-saving=Saved]").waitFor();
    assert.deepEqual((await stored(id)).nodes, before.nodes);
    await page.reload();
    await loaded(page);
    await page.getByRole("button", { name: "Upgrade all 2 nodes of older versions" }).waitFor();
    assert.deepEqual(page.errors, []);
  });
}
