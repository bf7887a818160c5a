// How smoothly the flow editor's canvas follows the pointer, beside React Flow with the same flow on a canvas of the same
// size. Prints one line of JSON.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { grid } from "./flow.mjs";

const { TROUPE_URL, TROUPE_EMAIL, TROUPE_PASSWORD } = process.env;
const MOVES = 120;
const FRAME_MS = 1000 / 60;
/** The bars around our canvas take the rest of the window. */
const WINDOW = { width: 1440, height: 900 };

const here = (name) => new URL(name, import.meta.url);
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const percentile = (values, share) => values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1];

async function api(method, path, body, token) {
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  const answer = await fetch(`${TROUPE_URL}/api/v1${path}`, { method, headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** Flows of these sizes, by their sizes. */
async function flows(sizes) {
  const { access_token } = await api("POST", "/auth/login", { email: TROUPE_EMAIL, password: TROUPE_PASSWORD });
  const made = {};
  for (const size of sizes) {
    const { nodes, edges } = grid(size);
    const drawn = nodes.map(({ id, x, y }, at) => ({
      id,
      position: { x, y },
      ...(at === 0 ? { type: "trigger" } : { type: "transform", config: { value: at } }),
    }));
    const flow = { name: `${size} steps`, definition: { nodes: drawn, edges } };
    made[size] = (await api("POST", "/flows", flow, access_token)).id;
  }
  return made;
}

/** Serves React Flow, bundled as for production. */
async function reactFlow() {
  const bundle = await build({
    entryPoints: [here("react-flow.jsx").pathname],
    bundle: true,
    minify: true,
    write: false,
    outdir: "/",
    jsx: "automatic",
    define: { "process.env.NODE_ENV": '"production"' },
  });
  const files = Object.fromEntries(bundle.outputFiles.map(({ path, text }) => [path, text]));
  files["/own.css"] = await readFile(here("react-flow.css"), "utf8");
  const page =
    '<!doctype html><link rel="stylesheet" href="/react-flow.css"><link rel="stylesheet" href="/own.css"><div id="root"></div><script src="/react-flow.js"></script>';
  const types = { js: "text/javascript", css: "text/css" };
  const server = createServer(({ url }, answer) => {
    const text = files[url];
    answer.setHeader("content-type", text ? types[url.split(".").pop()] : "text/html");
    answer.end(text ?? page);
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

/** What `MOVES` moves of the pointer cost, one a frame. */
async function moves(page, from, button) {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const busy = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "TaskDuration").value * 1000;
  };
  const mouse = (type, x, y) =>
    session.send("Input.dispatchMouseEvent", { type, x, y, button, buttons: button === "middle" ? 4 : 1, clickCount: 1 });
  await page.evaluate(() => {
    window.frames_ = [];
    const note = (at) => {
      window.frames_.push(at);
      window.noting = requestAnimationFrame(note);
    };
    window.noting = requestAnimationFrame(note);
  });
  await mouse("mousePressed", from.x, from.y);
  const before = await busy();
  const started = performance.now();
  for (let move = 1; move <= MOVES; move += 1) {
    const along = Math.sin((move / MOVES) * Math.PI);
    await mouse("mouseMoved", from.x + 180 * along, from.y + 120 * along);
    const rest = started + move * FRAME_MS - performance.now();
    if (rest > 0) await new Promise((done) => setTimeout(done, rest));
  }
  const cpu = (await busy()) - before;
  await mouse("mouseReleased", from.x, from.y);
  const at = await page.evaluate(() => {
    cancelAnimationFrame(window.noting);
    return window.frames_;
  });
  await session.detach();
  const frames = at.slice(1).map((time, index) => time - at[index]);
  return {
    fps: Math.round(1000 / median(frames)),
    frame_p95_ms: round(percentile(frames, 0.95)),
    main_thread_ms_per_move: round(cpu / MOVES),
  };
}

const round = (number) => Math.round(number * 100) / 100;

/** The middle of the first node that lies well inside the canvas, and a place beside it. */
const places = (page, selector) =>
  page.evaluate((selector) => {
    const { innerWidth, innerHeight } = window;
    for (const node of document.querySelectorAll(selector)) {
      const { x, y, width, height } = node.getBoundingClientRect();
      const middle = { x: x + width / 2, y: y + height / 2 };
      const inside = x > innerWidth * 0.4 && x < innerWidth * 0.6 && y > innerHeight * 0.35 && y < innerHeight * 0.65;
      if (inside && node.contains(document.elementFromPoint(middle.x, middle.y)))
        return { node: middle, beside: { x: middle.x, y: y + height + 18 } };
    }
    throw new Error("no node is in the middle of the canvas");
  }, selector);

const elements = (page) => page.evaluate(() => document.querySelectorAll("*").length);

/** Opens the editor from the list of flows, as a user does. */
async function editor(browser, id) {
  const context = await browser.newContext({ baseURL: TROUPE_URL, viewport: WINDOW });
  const page = await context.newPage();
  await page.goto("/login");
  await page.getByLabel("Email").fill(TROUPE_EMAIL);
  await page.getByLabel("Password").fill(TROUPE_PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL((url) => url.pathname !== "/login");
  await page.goto("/flows");
  const link = `a[href^="/flows/${id}"]`;
  await page.waitForSelector(link);
  const open_ms = await page.evaluate(async (link) => {
    const begun = performance.now();
    document.querySelector(link).click();
    while (!document.querySelector(".stage .node")) await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return performance.now() - begun;
  }, link);
  const size = await page.locator(".stage").boundingBox();
  return { context, page, open_ms: round(open_ms), elements: await elements(page), size };
}

async function ours(browser, id) {
  const { context, page, open_ms, elements: count, size } = await editor(browser, id);
  await page.getByTitle("Actual size").click();
  const at = await places(page, ".stage .node");
  const drag = await moves(page, at.node, "left");
  const pan = await moves(page, at.beside, "left");
  await context.close();
  return { result: { open_ms, elements: count, drag, pan }, size };
}

async function theirs(browser, url, size, query) {
  const viewport = { width: Math.round(size.width), height: Math.round(size.height) };
  const context = await browser.newContext({ viewport });
  const page = await context.newPage();
  const begun = performance.now();
  await page.goto(`${url}/?${query}`);
  await page.waitForSelector("html[data-ready] .react-flow__node");
  const open_ms = round(performance.now() - begun);
  await page.evaluate(() => window.canvas.setViewport({ x: -1500, y: -600, zoom: 1 }));
  await page.waitForFunction(() => window.canvas.getViewport().zoom === 1);
  const count = await elements(page);
  const at = await places(page, ".react-flow__node");
  const drag = await moves(page, at.node, "left");
  const pan = await moves(page, at.beside, "left");
  await context.close();
  return { open_ms, elements: count, drag, pan };
}

const made = await flows([500, 800]);
const other = await reactFlow();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run"],
});
try {
  const report = {};
  for (const nodes of [500, 800]) {
    const { result, size } = await ours(browser, made[nodes]);
    report[nodes] = {
      troupe: result,
      react_flow: await theirs(browser, other.url, size, `nodes=${nodes}`),
      react_flow_culled: await theirs(browser, other.url, size, `nodes=${nodes}&culled`),
    };
  }
  console.log(JSON.stringify(report));
} finally {
  await browser.close();
  other.close();
}
