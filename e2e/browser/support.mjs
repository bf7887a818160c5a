// A browser at a running platform. The platform's address and its account come by environment variables.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

export const { TROUPE_URL, TROUPE_EMAIL, TROUPE_PASSWORD } = process.env;
const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"];

/** Chromium, as it is closed by the test that opened it. */
export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"],
  });

/** A window of its own, whose page fails the test with what it logs as an error. */
export async function open(browser, { theme = "light", width = 1440, height = 900 } = {}) {
  const context = await browser.newContext({
    baseURL: TROUPE_URL,
    colorScheme: theme,
    reducedMotion: "reduce",
    viewport: { width, height },
  });
  const page = await context.newPage();
  page.errors = [];
  page.on("pageerror", (error) => page.errors.push(String(error)));
  page.on("console", (message) => {
    // The browser itself writes one for each answer that is not a success; those are the page's to show.
    const own = !message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && own) page.errors.push(message.text());
  });
  return page;
}

/** Goes to an address and waits until its first data are there. */
export async function visit(page, path) {
  await page.goto(path);
  await loaded(page);
}

export const loaded = (page) => page.waitForSelector("html[data-app-ready] [data-loaded]", { state: "attached" });

export async function signIn(page, email = TROUPE_EMAIL, password = TROUPE_PASSWORD) {
  await page.goto("/login");
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL((url) => url.pathname !== "/login");
  await loaded(page);
}

/** Fails where a rule of accessibility is broken (axe-core, WCAG 2.1 A and AA). */
export async function accessible(page, what) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(AXE);
  const { violations } = await page.evaluate((values) => window.axe.run({ runOnly: { type: "tag", values } }), RULES);
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join("; ")}`);
  assert.deepEqual(told, [], what);
}

/** Fails where the page is wider than the window. */
export async function fits(page, what) {
  const over = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return scrollWidth > clientWidth ? `${scrollWidth} of ${clientWidth} px` : "";
  });
  assert.equal(over, "", what);
}

/** Asks the API as the account's owner. */
export async function api(method, path, body) {
  api.token ??= (
    await send("POST", "/auth/login", { email: TROUPE_EMAIL, password: TROUPE_PASSWORD })
  ).access_token;
  return send(method, path, body, api.token);
}

async function send(method, path, body, token) {
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  const answer = await fetch(`${TROUPE_URL}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}
