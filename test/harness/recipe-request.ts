// One request by Node's own client, for bodies that are large or of unknown length, and answers that are looked at whole.

import { createHash } from "node:crypto";
import { type IncomingHttpHeaders, request } from "node:http";
import { buffer } from "node:stream/consumers";
import { Readable } from "node:stream";
import { within } from "./barrier.ts";

export interface RecipeRequest {
  /** Its name, without a port. */
  readonly host: string;
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A list is sent piece by piece, without saying how long it is. */
  readonly body?: string | Buffer | readonly Buffer[];
}

export interface RecipeAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly cookies: readonly string[];
  readonly bytes: Buffer;
  readonly text: string;
  /** Of JSON. */
  json(): unknown;
}

const patience = 60_000;

export async function requestOf(port: number, asked: RecipeRequest): Promise<RecipeAnswer> {
  const { host, path, method = "GET", headers = {}, body = "" } = asked;
  const isPieces = typeof body !== "string" && !Buffer.isBuffer(body);
  const length = isPieces || body.length === 0 ? {} : { "Content-Length": Buffer.byteLength(body) };
  const sent = request({
    ...{ host: "127.0.0.1", port, path, method, agent: false },
    headers: { Host: `${host}:${port}`, ...length, ...headers },
  });
  const { promise, resolve, reject } = Promise.withResolvers<RecipeAnswer>();
  sent.on("error", reject);
  sent.on("response", (response) => {
    void buffer(response).then((bytes) => {
      const cookies = response.headers["set-cookie"] ?? [];
      const text = bytes.toString();
      const { statusCode: status = 0, headers: fields } = response;
      resolve({ status, headers: fields, cookies, bytes, text, json: () => JSON.parse(text) });
    }, reject);
  });
  if (isPieces) Readable.from(body).pipe(sent);
  else sent.end(body);
  return within(promise, patience, `the answer to ${method} ${path}`);
}

/** What a form with one file in it sends. */
export function formOf(fields: Readonly<Record<string, string>>, file: string, bytes: Buffer) {
  const boundary = "----a-boundary-of-tests";
  const start = (name: string, more = "") =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${more}\r\n`;
  const texts = Object.entries(fields).map(([name, value]) => `${start(name)}\r\n${value}\r\n`);
  const head = `${start(file, '; filename="sent.bin"')}Content-Type: application/octet-stream\r\n\r\n`;
  const body = [texts.join(""), head, bytes, `\r\n--${boundary}--\r\n`].map((each) =>
    Buffer.from(each),
  );
  return { headers: { "Content-Type": `multipart/form-data; boundary=${boundary}` }, body };
}

export function digestOf(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Bytes that do not repeat soon, the same each time. */
export function noiseBytes(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  let seed = 7;
  for (let at = 0; at < size; at += 1) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = seed >>> 24;
  }
  return bytes;
}
