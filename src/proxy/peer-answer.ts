// What a worker answers another one that asks for an answer to share: as the backend gave it, before any middleware; or why
// there is none.

import type { FilledHead } from "../cache/fill-source.ts";
import { type FailureCode, failures } from "../http/errors.ts";
import type { Exchange } from "../http/exchange.ts";
import { reasonOf } from "../http/reason.ts";

/** Only on sockets between workers. */
export const peerField = "tidegate-peer";

/** A body follows. */
export function giveToPeer(exchange: Exchange, head: FilledHead): void {
  const { status, lines, date } = head;
  const dateLine = date === "" ? "" : `Date: ${date}\r\n`;
  const text = `HTTP/1.1 ${status} ${reasonOf(status)}\r\n${dateLine}${lines}`;
  const length = exchange.method === "HEAD" ? 0 : head.bodyLength;
  exchange.client.writeHead(status, text, length);
}

/** It is to fetch its own. */
export function refusePeer(exchange: Exchange): void {
  say(exchange, 421, "alone");
}

export function tellPeerOfFailure(exchange: Exchange, code: FailureCode, status: number): void {
  say(exchange, status, code);
}

function say(exchange: Exchange, status: number, what: string): void {
  if (exchange.isDone) return;
  const lines = `${peerField}: ${what}\r\nContent-Length: 0\r\n`;
  exchange.client.writeHead(status, `HTTP/1.1 ${status} ${reasonOf(status)}\r\n${lines}`, 0);
  exchange.client.endAnswer("");
}

/** What the other one said; a backend that says so harms only itself. */
export function failureOf(said: string): FailureCode | undefined {
  return isFailure(said) ? said : undefined;
}

function isFailure(said: string): said is FailureCode {
  return Object.hasOwn(failures, said);
}
