// Requests to the API. Whatever fails is thrown as a `Failure`, which carries the problem (RFC 9457).

export class Failure extends Error {
  constructor(problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** Sends a request; returns the answer as soon as its head is there, if it is a success. */
export async function open(path, { method = "GET", token, body, headers = {}, signal } = {}) {
  const all = { ...headers };
  if (token) all.authorization = `Bearer ${token}`;
  if (body !== undefined) all["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: all,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Failure({ status: 0, code: "unreachable", detail: "the server cannot be reached" });
  }
  if (!response.ok) throw new Failure(await problemOf(response));
  return response;
}

/** Sends a request and reads the JSON of the answer; undefined where there is none. */
export async function call(path, options) {
  const response = await open(path, options);
  return response.status === 204 ? undefined : response.json();
}

async function problemOf(response) {
  const unknown = {
    status: response.status,
    code: "unknown",
    detail: `the server answered ${response.status}`,
    trace_id: response.headers.get("x-trace-id"),
  };
  try {
    return { ...unknown, ...(await response.json()) };
  } catch {
    return unknown;
  }
}
