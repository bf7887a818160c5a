// Work that no worker could read is found, explained and put back; a member who may not see it is told so.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { api, launch, open, overflow, signIn, violations, visit } from "./support.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

/** Waits until so many letters were put away. */
async function letters(page, count) {
  const rows = page.locator("tbody tr");
  for (;;) {
    await visit(page, "/dead-letters");
    if ((await rows.count()) >= count) return rows;
  }
}

for (const theme of ["light", "dark"]) {
  test(`a dead letter is explained, ${theme}`, async () => {
    const page = await open(browser, { theme });
    await signIn(page);
    await visit(page, "/executions");
    await page.getByRole("link", { name: "Dead letters" }).click();
    await page.getByRole("heading", { name: "Dead letters" }).waitFor();
    const rows = await letters(page, 1);
    await rows.last().getByText("Not readable").waitFor();
    await rows.last().getByRole("button", { name: "Details of fetch" }).click();
    const dialog = page.getByRole("dialog", { name: "Not readable: fetch" });
    await dialog.getByText("The first 4.0 KiB of 4.8 KiB").waitFor();
    await dialog.getByText(/^no item xxx/).waitFor();
    const wrong = [];
    for (const width of [1440, 390]) {
      await page.setViewportSize({ width, height: 900 });
      wrong.push(...(await overflow(page)), ...(await violations(page)));
    }
    assert.deepEqual(wrong, []);
    assert.deepEqual(page.errors, []);
  });
}

test("it is put back, once", async () => {
  const page = await open(browser);
  await signIn(page);
  const rows = await letters(page, 1);
  await rows.last().getByRole("button", { name: "Details of fetch" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Put back" }).click();
  await dialog.getByText(/^Put back just now by ada/i).waitFor();
  assert.equal(await dialog.getByRole("button", { name: "Put back" }).count(), 0);
  await page.keyboard.press("Escape");
  // No worker of this version can read it: it comes back as another letter.
  await letters(page, 2);
  await rows.last().getByText("put back").waitFor();
  await rows.first().getByText("put away", { exact: true }).waitFor();
  assert.deepEqual(page.errors, []);
});

test("a role that may not see them is told so", async () => {
  const me = await api("GET", "/users/me");
  assert.ok(me);
  const page = await open(browser);
  await signIn(page);
  // The answer that an operator gets: a second account in the organization would need an invitation by mail.
  await page.route("**/api/v1/dead-letters?*", (route) =>
    route.fulfill({
      status: 403,
      contentType: "application/problem+json",
      body: JSON.stringify({
        type: "urn:troupe:problem:forbidden",
        title: "not allowed",
        status: 403,
        code: "forbidden",
        detail: "it takes the permission `dead_letter:read`",
      }),
    }),
  );
  await visit(page, "/dead-letters");
  await page.getByText("Your role does not allow this").waitFor();
  assert.equal(await page.getByRole("button", { name: "Try again" }).count(), 0);
});
