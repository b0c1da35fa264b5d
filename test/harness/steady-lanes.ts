// The clients of a steady load: what they ask, and what counts as a failure. Strict on purpose: a request
// that was sent and got no answer is a failure, also where a browser would silently try again. A kept
// connection that ends while nothing is asked is none.

import { randomInt } from "node:crypto";
import { once } from "node:events";
import { connect as openSocket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { field } from "./ask.ts";
import { within } from "./barrier.ts";
import { Client, type Response } from "./client.ts";
import { bodyOf, pieceEveryMs, receiptOf, slowPieceSize } from "./steady-origin.ts";

export type FailureKind = "refused" | "reset" | "closed" | "wrong" | "timeout";

export type LaneKind = "kept" | "new" | "slow";

export interface Failure {
  readonly kind: FailureKind;
  readonly lane: LaneKind;
  readonly what: string;
}

/** One request and what must come back. */
export interface Question {
  readonly id: number;
  readonly head: string;
  /** Sent piece by piece, slowly, when there is more than one. */
  readonly body: readonly string[];
  readonly answer: string;
}

let lastId = 0;

export function smallQuestion(close: boolean): Question {
  const id = ++lastId;
  const size = randomInt(20_000);
  if (id % 4 !== 0) return question(id, "GET", `/down/${id}/${size}`, [], bodyOf(id, size), close);
  const body = bodyOf(id, size);
  return question(id, "POST", `/up/${id}`, [body], receiptOf(id, body), close);
}

/** Takes about `ms`, down and up in turns. */
export function slowQuestion(ms: number): Question {
  const id = ++lastId;
  const count = Math.ceil(ms / pieceEveryMs);
  const body = bodyOf(id, count * slowPieceSize);
  if (id % 2 === 0) return question(id, "GET", `/slow/${id}/${body.length}`, [], body, true);
  const pieces = Array.from({ length: count }, (_, n) =>
    body.slice(n * slowPieceSize, (n + 1) * slowPieceSize),
  );
  return question(id, "POST", `/up/${id}`, pieces, receiptOf(id, body), true);
}

function question(
  id: number,
  method: string,
  path: string,
  body: readonly string[],
  answer: string,
  close: boolean,
): Question {
  const length = body.reduce((sum, piece) => sum + piece.length, 0);
  const lines = [`${method} ${path} HTTP/1.1`, "Host: load.test"];
  if (close) lines.push("Connection: close");
  if (method === "POST") lines.push(`Content-Length: ${length}`);
  return { id, head: `${lines.join("\r\n")}\r\n\r\n`, body, answer };
}

/** Throws a Failed. */
export async function open(port: number, lane: LaneKind, timeoutMs: number): Promise<Client> {
  const socket = openSocket({ port, host: "127.0.0.1", allowHalfOpen: true });
  const client = new Client(socket, timeoutMs);
  try {
    await within(once(socket, "connect"), timeoutMs, "a connection");
    return client;
  } catch (error) {
    socket.destroy();
    throw new Failed(kindOf(error, client), lane, `connecting: ${String(error)}`);
  }
}

/** Asks and checks; returns whether the connection may be used again. Throws a Failed. */
export async function ask(client: Client, asked: Question, lane: LaneKind): Promise<boolean> {
  const name = asked.head.slice(0, asked.head.indexOf(" HTTP"));
  const from = client.socket.localPort ?? 0;
  let response: Response;
  try {
    // A small request leaves in one piece; a slow one lets the answer come while it is being sent.
    const [first = "", ...rest] = asked.body;
    await client.send(asked.head + first);
    for (const piece of rest) {
      await pause(pieceEveryMs);
      if (!(await client.send(piece))) break;
    }
    response = await client.readResponse();
  } catch (error) {
    throw new Failed(kindOf(error, client), lane, `${name} from port ${from}: ${String(error)}`);
  }
  const { status, body } = response;
  if (status !== 200 || body !== asked.answer || field(response, "x-id") !== String(asked.id)) {
    const got = `${status} ${field(response, "x-id")} ${JSON.stringify(body.slice(0, 80))}`;
    throw new Failed("wrong", lane, `${name}: got ${got}, ${body.length} bytes`);
  }
  if (client.pending !== "") {
    throw new Failed("wrong", lane, `${name}: more came behind the answer: ${client.pending}`);
  }
  return !/close/i.test(field(response, "connection")) && !client.hasEnded;
}

export class Failed extends Error implements Failure {
  readonly kind: FailureKind;
  readonly lane: LaneKind;
  readonly what: string;

  constructor(kind: FailureKind, lane: LaneKind, what: string) {
    super(`${lane} ${kind}: ${what}`);
    this.kind = kind;
    this.lane = lane;
    this.what = what;
  }
}

function kindOf(error: unknown, client: Client): FailureKind {
  const text = `${String(error)} ${String(client.error)}`;
  if (/ECONNREFUSED/.test(text)) return "refused";
  if (/ECONNRESET|EPIPE/.test(text)) return "reset";
  if (/bad response/.test(text)) return "wrong";
  return /waited \d+ ms/.test(text) ? "timeout" : "closed";
}
