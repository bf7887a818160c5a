// A browser at a running platform. The platform's address and its account come by environment variables.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const { TROUPE_URL, VENDOR_URL, VENDOR_KEY } = process.env;
export const { TROUPE_EMAIL, TROUPE_PASSWORD } = process.env;
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
    // The browser itself writes one for each answer that is not a success, or missing; those are the page's to show.
    const own = !/^(Failed to load resource|WebSocket connection to)/.test(message.text());
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

/** The rules of accessibility that the page breaks (axe-core, WCAG 2.1 A and AA), and where. */
export async function violations(page) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(AXE);
  const { violations } = await page.evaluate((values) => window.axe.run({ runOnly: { type: "tag", values } }), RULES);
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join("; ")}`);
}

/** Where the page is wider than the window. */
export const overflow = (page) =>
  page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return scrollWidth > clientWidth ? [`it is ${scrollWidth} px wide`] : [];
  });

/** Asks the API in the name of the account. */
export const api = (method, path, body) => upload(path, "application/json", body && JSON.stringify(body), method);

/** Sends a body of any type in the name of the account. */
export async function upload(path, type, body, method = "POST") {
  token ??= login();
  return send(method, path, { "content-type": type, authorization: `Bearer ${await token}` }, body);
}

/** Makes the vendor's model `vendor/fake-large` known, at 1,000 and 2,000 dollars a million tokens. */
export const nameVendor = () =>
  api("POST", "/llm-providers", {
    name: "vendor",
    kind: "openai_compatible",
    base_url: VENDOR_URL,
    api_key: VENDOR_KEY,
    models: [{ name: "fake-large", price: { prompt: "1000", completion: "2000" } }],
  });

let token;
async function login() {
  const body = JSON.stringify({ email: TROUPE_EMAIL, password: TROUPE_PASSWORD });
  return (await send("POST", "/auth/login", { "content-type": "application/json" }, body)).access_token;
}

async function send(method, path, headers, body) {
  const answer = await fetch(`${TROUPE_URL}/api/v1${path}`, { method, headers, body });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return answer.headers.get("content-type")?.includes("json") ? JSON.parse(text) : text;
}
