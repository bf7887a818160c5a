// Elements, made from text alone: nothing that a server or a user wrote is ever read as HTML.

/** `el("p", { class: "x", onclick }, "text", child)`; what is null or false is left out. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A labelled control: `field("Email", el("input", { id: "email" }), "a hint")`. */
export function field(label, control, hint) {
  const note = hint && el("span", { class: "hint", id: `${control.id}-hint` }, hint);
  if (note) control.setAttribute("aria-describedby", note.id);
  return el("div", { class: "field" }, el("label", { for: control.id }, label), control, note);
}

/** What went wrong, why, and the id to name when asking for help. */
export function describe(error) {
  const problem = error.problem ?? { detail: error.message };
  const errors = problem.errors ?? [];
  return el(
    "div",
    { class: "error", role: "alert" },
    problem.detail,
    errors.length > 0 &&
      el("ul", {}, ...errors.map(({ path, message }) => el("li", {}, path ? `${path}: ${message}` : message))),
    problem.trace_id && el("span", { class: "trace" }, `trace ${problem.trace_id}`),
  );
}

/** Runs what a button stands for: not twice at a time, with its failure shown in `place`. */
export async function act(button, place, work) {
  place.replaceChildren();
  button.disabled = true;
  try {
    return await work();
  } catch (error) {
    place.replaceChildren(describe(error));
    return undefined;
  } finally {
    button.disabled = false;
  }
}

export const json = (value) => JSON.stringify(value, null, 2);
