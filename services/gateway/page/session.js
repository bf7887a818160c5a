// Who is signed in. The access token lives in memory, the refresh token in a cookie that no script can read.

import { call, open } from "/app/api.js";

const WEB = { "x-troupe-client": "web" };
/** Seconds before its end at which an access token is replaced. */
const EARLY = 60;

let session = null;
let renewAt = 0;

export const current = () => session;

function enter(answer) {
  session = answer;
  renewAt = Date.now() + (answer.expires_in - EARLY) * 1000;
  return answer;
}

const sign = (path, body) => call(`/api/v1/auth/${path}`, { method: "POST", headers: WEB, body });

export const register = async (form) => enter(await sign("register", form));
export const login = async (form) => enter(await sign("login", form));

/** Goes on with the session of the cookie; null where there is none. */
export async function resume() {
  try {
    return await renew();
  } catch (error) {
    if (error.problem?.status === 401) return null;
    throw error;
  }
}

export async function logout() {
  session = null;
  await sign("logout");
}

/** A refresh token is good for one use, so tabs take turns. */
async function renew() {
  const turn = async () => enter(await sign("refresh"));
  return navigator.locks ? navigator.locks.request("troupe-refresh", turn) : turn();
}

/** An access token that is still good for a while. */
export async function token() {
  if (Date.now() > renewAt) await renew();
  return session.access_token;
}

/** As `call`, in the user's name; a token that was refused is replaced once. */
export const ask = (path, options) => withToken((token) => call(path, { ...options, token }));

/** As `open`, in the user's name. */
export const watch = (path, options) => withToken((token) => open(path, { ...options, token }));

async function withToken(send) {
  try {
    return await send(await token());
  } catch (error) {
    if (error.problem?.status !== 401) throw error;
    renewAt = 0;
    return send(await token());
  }
}
