// Every page, in the theme `THEME` and at three widths: it loads, fits, is accessible, and nothing goes wrong in it.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { launch, open, overflow, signIn, violations, visit } from "./support.mjs";
import { seed } from "./seed.mjs";

const LISTS = ["/", "/flows", "/executions", "/approvals", "/dead-letters", "/agents", "/crews", "/tools", "/knowledge", "/chat", "/providers", "/settings", "/design", "/no/such/page"];
const WIDTHS = [1440, 1024, 390];

const theme = process.env.THEME ?? "light";

let browser;
let pages;
before(async () => {
  browser = await launch();
  pages = [...LISTS, ...(await seed())];
});
after(() => browser.close());

/** What is wrong with the page that is shown, at each width. */
async function look(page, path) {
  const wrong = [];
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    for (const found of [...(await overflow(page)), ...(await violations(page))]) {
      wrong.push(`${path} at ${width} px: ${found}`);
    }
  }
  return wrong;
}

test(`every page fits and is accessible, ${theme}`, async () => {
  const page = await open(browser, { theme });
  const wrong = [];
  for (const path of ["/login", "/register"]) {
    await page.goto(path);
    await page.waitForSelector("html[data-app-ready] form");
    wrong.push(...(await look(page, path)));
  }
  await signIn(page);
  for (const path of pages) {
    await visit(page, path);
    wrong.push(...(await look(page, path)));
  }
  assert.equal([...wrong, ...page.errors].join("\n"), "");
});
