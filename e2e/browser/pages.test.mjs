// Every page, in both themes and at three widths: it loads, fits, is accessible, and nothing goes wrong in it.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { accessible, fits, launch, open, signIn, visit } from "./support.mjs";

const PAGES = ["/", "/flows", "/executions", "/agents", "/crews", "/tools", "/knowledge", "/chat", "/providers", "/settings", "/design"];
const WIDTHS = [390, 1024, 1440];

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

for (const theme of ["light", "dark"]) {
  test(`every page is accessible and fits, ${theme}`, async () => {
    const page = await open(browser, { theme });
    await page.goto("/login");
    await accessible(page, "/login");
    await signIn(page);
    for (const path of PAGES) {
      await visit(page, path);
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 900 });
        await fits(page, `${path} at ${width} px`);
      }
      await accessible(page, `${path}, ${theme}`);
    }
    assert.deepEqual(page.errors, []);
  });
}

test("an address that is no page says so", async () => {
  const page = await open(browser);
  await signIn(page);
  await visit(page, "/no/such/page");
  await page.getByRole("heading", { name: "Not found" }).waitFor();
});
