// Bodies of requests to the control socket: short JSON, never trusted to be any.

import type { Context } from "hono";

/** What was sent, if it is JSON; undefined otherwise, which whoever needs a body refuses. */
export async function body(c: Context): Promise<unknown> {
  const text = await c.req.text();
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
