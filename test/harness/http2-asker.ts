// A client of HTTP/2 that is not ours: Node's own, one connection, asked as often as a test likes.

import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import type { SecureClientSessionOptions, OutgoingHttpHeaders } from "node:http2";
import { nameOfError } from "../../src/http/h2/codes.ts";
import { within } from "./barrier.ts";

export interface Http2Answer {
  /** 0 = there was none. */
  readonly status: number;
  readonly fields: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly trailers: Readonly<Record<string, string>>;
  /** Statuses and Link fields of interim answers. */
  readonly interim: readonly (readonly [status: number, link: string])[];
  /** What the stream was reset with; NO_ERROR = it ended well, or as good as that. */
  readonly reset: string;
}

export interface Http2Question {
  readonly method?: string;
  readonly path?: string;
  readonly host?: string;
  readonly fields?: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
  readonly trailers?: OutgoingHttpHeaders;
}

export interface Http2Asker extends AsyncDisposable {
  readonly session: ClientHttp2Session;
  /** Whole answers; a stream that fails is an answer, too. */
  ask(question?: Http2Question): Promise<Http2Answer>;
  /** A request whose body is left to the caller. */
  open(question?: Http2Question): ClientHttp2Stream;
  /** What becomes of it. */
  answer(stream: ClientHttp2Stream): Promise<Http2Answer>;
}

const patienceMs = 10_000;

/** @param url of the listener @param host asked for where a question names none */
export async function askHttp2(
  url: string,
  host: string,
  options: SecureClientSessionOptions = {},
): Promise<Http2Asker> {
  const session = connect(url, { rejectUnauthorized: false, ...options });
  // A connection that breaks is told by its streams.
  session.on("error", () => {});
  await within(once(session, "remoteSettings"), patienceMs, "the settings of the server");
  const begin = (
    { method = "GET", path = "/", fields = {}, ...more }: Http2Question,
    endStream: boolean,
  ) =>
    session.request(
      { ":method": method, ":path": path, ":authority": more.host ?? host, ...fields },
      { endStream, waitForTrailers: more.trailers !== undefined },
    );
  return {
    session,
    open: (question = {}) => begin(question, false),
    answer: answerOf,
    ask: (question = {}) => {
      const { body, trailers } = question;
      const isBare = body === undefined && trailers === undefined;
      const stream = begin(question, isBare);
      if (trailers !== undefined) stream.on("wantTrailers", () => stream.sendTrailers(trailers));
      if (!isBare) stream.end(body);
      return answerOf(stream);
    },
    async [Symbol.asyncDispose]() {
      if (session.destroyed) return;
      const closed = once(session, "close");
      session.destroy();
      await closed;
    },
  };
}

async function answerOf(stream: ClientHttp2Stream): Promise<Http2Answer> {
  let fields: Record<string, string> = {};
  let trailers: Record<string, string> = {};
  const interim: [number, string][] = [];
  const body: Buffer[] = [];
  stream.on("headers", (found) => {
    interim.push([Number(found[":status"]), String(found["link"] ?? "")]);
  });
  stream.on("continue", () => interim.push([100, ""]));
  stream.on("response", (found) => (fields = textsOf(found)));
  stream.on("trailers", (found) => (trailers = textsOf(found)));
  stream.on("data", (bytes: Buffer) => body.push(bytes));
  const closed = new Promise((resolve) => stream.once("close", resolve));
  // That says how it ended.
  stream.on("error", () => {});
  await within(closed, patienceMs, "the end of a stream");
  return {
    status: Number(fields[":status"] ?? 0),
    ...{ fields, trailers, interim },
    body: Buffer.concat(body),
    reset: nameOfError(stream.rstCode),
  };
}

function textsOf(fields: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)]));
}
