// The origin of a steady load, and what each of its answers must be. Every request carries a number of its
// own and the answer is made from it, so that an answer for somebody else is noticed, and a request that
// arrives twice. Lives in the load's process: what was sent and what arrived are compared there.

import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { type HttpOrigin, httpOrigin } from "./origin.ts";

/** Between two pieces of a slow transfer. */
export const pieceEveryMs = 50;

export const slowPieceSize = 4000;

export interface SteadyOrigin extends HttpOrigin {
  /** How often each upload arrived as a whole. */
  readonly arrived: ReadonlyMap<number, number>;
}

/** Bytes nobody else gets: the number, again and again. */
export function bodyOf(id: number, size: number): string {
  const unit = `${id}.`;
  return unit.repeat(Math.ceil(size / unit.length)).slice(0, size);
}

/** What an upload of this body is answered with. */
export function receiptOf(id: number, body: string): string {
  return `${id} ${body.length} ${createHash("sha1").update(body, "latin1").digest("hex")}`;
}

export async function steadyOrigin(): Promise<SteadyOrigin> {
  const arrived = new Map<number, number>();
  const origin = await httpOrigin((request, response) => {
    const [, kind, id, size] = (request.url ?? "").split("/");
    response.setHeader("X-Id", id ?? "none");
    // Whoever leaves early ends the stream; the load counts that on its side.
    response.on("error", () => {});
    request.on("error", () => {});
    if (kind === "up") receive(request, response, Number(id), arrived);
    else if (kind === "slow") void sendSlowly(response, Number(id), Number(size));
    else response.end(bodyOf(Number(id), Number(size)));
  });
  // A proxy keeps its connections for longer than Node's five seconds.
  origin.server.keepAliveTimeout = 60_000;
  return Object.assign(origin, { arrived });
}

function receive(
  request: IncomingMessage,
  response: ServerResponse,
  id: number,
  arrived: Map<number, number>,
): void {
  let body = "";
  request.setEncoding("latin1").on("data", (text: string) => (body += text));
  request.on("end", () => {
    arrived.set(id, (arrived.get(id) ?? 0) + 1);
    response.end(receiptOf(id, body));
  });
}

async function sendSlowly(response: ServerResponse, id: number, size: number): Promise<void> {
  const body = bodyOf(id, size);
  response.setHeader("Content-Length", size);
  for (let at = 0; at < size && !response.destroyed; at += slowPieceSize) {
    response.write(body.slice(at, at + slowPieceSize));
    await pause(pieceEveryMs);
  }
  response.end();
}
