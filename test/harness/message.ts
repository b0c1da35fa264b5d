// A small, strict reader of one HTTP/1.x message, independent of the program's own parser: what the
// tests believe about bytes must not come from the code under test. It is slow and simple on purpose.
// Text is latin1 throughout: one character is one byte.

export type HeaderList = readonly (readonly [name: string, value: string])[];

export interface Message {
  readonly startLine: string;
  readonly headers: HeaderList;
  readonly body: string;
  readonly trailers: HeaderList;
  /** Bytes of the input that belong to this message. */
  readonly size: number;
  /** How the end of the body was found. */
  readonly framing: "none" | "length" | "chunked" | "close";
}

export type Reading =
  | { readonly kind: "message"; readonly message: Message }
  | { readonly kind: "more"; readonly head: boolean }
  | { readonly kind: "bad"; readonly why: string };

export interface ReadOptions {
  readonly kind: "request" | "response";
  /** Method of the request a response belongs to. */
  readonly method?: string;
  /** True when the sender has closed: ends a body that has no other end. */
  readonly ended?: boolean;
}

class Bad extends Error {}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// oxlint-disable-next-line no-control-regex -- control bytes are what it looks for
const badValue = /[\x00-\x08\x0a-\x1f\x7f]/;

export function readMessage(text: string, options: ReadOptions): Reading {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) return { kind: "more", head: false };
  try {
    const [startLine = "", ...lines] = text.slice(0, headEnd).split("\r\n");
    if (/[\r\n]/.test(startLine)) throw new Bad("stray CR or LF in the start line");
    checkStartLine(startLine, options.kind);
    const headers = lines.map(fieldOf);
    const rest = readBody(text, headEnd + 4, framingOf(startLine, headers, options), options);
    if (rest === undefined) return { kind: "more", head: true };
    return { kind: "message", message: { startLine, headers, ...rest } };
  } catch (error) {
    if (error instanceof Bad) return { kind: "bad", why: error.message };
    throw error;
  }
}

export function valuesOf(headers: HeaderList, name: string): readonly string[] {
  const wanted = name.toLowerCase();
  return headers.filter(([each]) => each.toLowerCase() === wanted).map(([, value]) => value);
}

export function statusOf(message: Message): number {
  return Number(message.startLine.split(" ")[1]);
}

function checkStartLine(line: string, kind: "request" | "response"): void {
  const form =
    kind === "request" ? /^[^\s]+ [\x21-\x7e]+ HTTP\/1\.[01]$/ : /^HTTP\/1\.[01] \d{3} [^\0]*$/;
  if (!form.test(line)) throw new Bad(`start line ${JSON.stringify(line)}`);
}

function fieldOf(line: string): readonly [string, string] {
  const colon = line.indexOf(":");
  const name = line.slice(0, Math.max(colon, 0));
  const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "");
  if (!token.test(name) || badValue.test(value)) throw new Bad(`field ${JSON.stringify(line)}`);
  return [name, value];
}

type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "chunked" }
  | { readonly kind: "close" }
  | { readonly kind: "length"; readonly length: number };

function framingOf(startLine: string, headers: HeaderList, options: ReadOptions): Framing {
  const encodings = valuesOf(headers, "transfer-encoding");
  const lengths = valuesOf(headers, "content-length");
  if (encodings.length > 0 && lengths.length > 0) throw new Bad("length and transfer-encoding");
  if (lengths.length > 1) throw new Bad("two lengths");
  const [length] = lengths;
  if (length !== undefined && !/^\d{1,15}$/.test(length)) throw new Bad(`length ${length}`);
  if (encodings.length > 0 && encodings.join() !== "chunked") throw new Bad(encodings.join());
  if (options.kind === "response" && hasNoBody(startLine, options.method)) return { kind: "none" };
  if (encodings.length > 0) return { kind: "chunked" };
  if (length !== undefined) return { kind: "length", length: Number(length) };
  return { kind: options.kind === "request" ? "none" : "close" };
}

function hasNoBody(startLine: string, method: string | undefined): boolean {
  const status = startLine.slice(9, 12);
  return status.startsWith("1") || status === "204" || status === "304" || method === "HEAD";
}

type Rest = Pick<Message, "body" | "trailers" | "size" | "framing">;

function readBody(
  text: string,
  at: number,
  framing: Framing,
  options: ReadOptions,
): Rest | undefined {
  if (framing.kind === "chunked") return readChunks(text, at);
  if (framing.kind === "none") return { body: "", trailers: [], size: at, framing: "none" };
  if (framing.kind === "close") {
    if (options.ended !== true) return undefined;
    return { body: text.slice(at), trailers: [], size: text.length, framing: "close" };
  }
  const end = at + framing.length;
  if (text.length < end) return undefined;
  return { body: text.slice(at, end), trailers: [], size: end, framing: "length" };
}

function readChunks(text: string, start: number): Rest | undefined {
  let at = start;
  let body = "";
  for (;;) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const line = text.slice(at, lineEnd);
    if (!/^[0-9A-Fa-f]{1,13}$/.test(line)) throw new Bad(`chunk size ${JSON.stringify(line)}`);
    const size = Number.parseInt(line, 16);
    at = lineEnd + 2;
    if (size === 0) break;
    if (text.length < at + size + 2) return undefined;
    body += text.slice(at, at + size);
    at += size + 2;
    if (text.slice(at - 2, at) !== "\r\n") throw new Bad("no CR LF after a chunk");
  }
  const trailers: (readonly [string, string])[] = [];
  for (;;) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const line = text.slice(at, lineEnd);
    at = lineEnd + 2;
    if (line === "") return { body, trailers, size: at, framing: "chunked" };
    trailers.push(fieldOf(line));
  }
}
