// The page: signed out, a form; signed in, flows. The address holds what is open: `#flow_…/exec_…`.

import { act, describe, el, field } from "/app/dom.js";
import { show as showFlows } from "/app/flows.js";
import { current, login, logout, register, resume } from "/app/session.js";

const main = document.getElementById("main");
const signOut = document.getElementById("sign-out");

let drawing = new AbortController();

/** Draws what the address names; what was drawn before stops. */
async function draw() {
  drawing.abort();
  drawing = new AbortController();
  const { signal } = drawing;
  const session = current();
  document.getElementById("organization").textContent = session?.organization.name ?? "";
  document.getElementById("user").textContent = session?.user.email ?? "";
  signOut.hidden = !session;
  main.removeAttribute("data-loaded");
  if (!session) {
    showSignIn("login");
    return;
  }
  const [flow, execution] = location.hash.slice(1).split("/").filter(Boolean);
  main.setAttribute("data-view", "flows");
  try {
    await showFlows(main, { flow, execution }, signal);
  } catch (error) {
    if (signal.aborted) return;
    const retry = el("button", { type: "button", onclick: draw }, "Retry");
    main.replaceChildren(describe(error), retry);
  }
  if (!signal.aborted) main.setAttribute("data-loaded", "flows");
}

const FORMS = {
  login: {
    title: "Log in",
    send: login,
    other: "register",
    question: "No account yet?",
    fields: [
      ["email", "Email", { type: "email", autocomplete: "username" }],
      ["password", "Password", { type: "password", autocomplete: "current-password" }],
    ],
  },
  register: {
    title: "Register",
    send: register,
    other: "login",
    question: "Registered already?",
    fields: [
      ["name", "Name", { autocomplete: "name" }],
      ["organization", "Organization", { autocomplete: "organization" }],
      ["email", "Email", { type: "email", autocomplete: "username" }],
      ["password", "Password", { type: "password", autocomplete: "new-password", minlength: "10" }, "At least 10 characters."],
    ],
  },
};

function showSignIn(kind) {
  const { title, send, other, question, fields } = FORMS[kind];
  const inputs = fields.map(([id, label, attributes, hint]) => ({
    input: el("input", { id: `sign-in-${id}`, name: id, required: true, ...attributes }),
    label,
    hint,
  }));
  const button = el("button", { type: "submit", class: "primary" }, title);
  const failure = el("div");
  const form = el(
    "form",
    {},
    ...inputs.map(({ input, label, hint }) => field(label, input, hint)),
    failure,
    button,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act(button, failure, async () => {
      await send(Object.fromEntries(new FormData(form)));
      await draw();
      main.focus();
    });
  });
  const change = () => {
    showSignIn(other);
    main.querySelector("input").focus();
  };
  const toggle = el("button", { type: "button", class: "quiet", onclick: change }, FORMS[other].title);
  main.setAttribute("data-view", kind);
  main.replaceChildren(
    el("section", { class: "sign-in", "aria-labelledby": "title" }, el("h1", { id: "title" }, title), form, el("p", { class: "hint" }, question, " ", toggle)),
  );
  main.setAttribute("data-loaded", kind);
}

signOut.addEventListener("click", async () => {
  try {
    await logout();
  } finally {
    history.replaceState(null, "", location.pathname);
    await draw();
  }
});

window.addEventListener("hashchange", () => {
  if (current()) draw();
});

try {
  await resume();
  draw();
} catch (error) {
  main.replaceChildren(describe(error), el("button", { type: "button", onclick: () => location.reload() }, "Retry"));
}
document.documentElement.setAttribute("data-app-ready", "");
