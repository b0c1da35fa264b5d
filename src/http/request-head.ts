// The head of a request: parsed, checked, and with the framing of its body decided. One RequestHead
// lives as long as its client connection and is refilled for each request. Hot: bench/head.ts

import { equalsIgnoringCase, isToken } from "./characters.ts";
import type { FailureCode } from "./errors.ts";
import { Field, Fields } from "./fields.ts";
import { bodyOfRequest } from "./framing.ts";
import { readTarget, type Target } from "./target.ts";

export interface HeadLimits {
  readonly headBytes: number;
  readonly headerCount: number;
  readonly targetBytes: number;
  /** Accept a bare LF as a line end, and targets as sloppy clients write them. */
  readonly bareLf: boolean;
}

/** A line that is no request line is logged up to here, characters. */
const maxLoggedLine = 1024;

export class RequestHead implements Target {
  method = "";
  /** The target as it came. */
  target = "";
  path = "";
  rawPath = "";
  query = "";
  hasQuery = false;
  authority = "";
  /** 0 for HTTP/1.0, 1 for HTTP/1.1. */
  minor = 1;
  /** What the client speaks: also where its head was written as HTTP/1 has it (`h2/request-fields.ts`). */
  protocol: "HTTP/1.0" | "HTTP/1.1" | "HTTP/2.0" = "HTTP/1.1";
  readonly fields = new Fields();
  /** The Host field as it came, or the authority of an absolute-form target. */
  host = "";
  /** Bytes of the body, or `CHUNKED`. */
  bodyLength = 0;
  /** The client wants the connection kept. */
  isPersistent = true;
  /** `Connection: upgrade` with an `Upgrade` field. */
  isUpgrade = false;
  expectsContinue = false;
  /** The request line as it came, for the log. */
  line = "";
  /** Length of the head as it came, the empty line included. */
  bytes = 0;

  /**
   * Reads a head from text[start, end), the empty line included. Returns what is wrong, if anything.
   * Whatever two parsers could read differently is refused here, not repaired.
   */
  read(text: string, start: number, end: number, limits: HeadLimits): FailureCode | undefined {
    this.#clear();
    const lineEnd = text.indexOf("\r\n", start);
    this.line = text.slice(start, lineEnd);
    this.bytes = end - start;
    return (
      this.#readLine(text, start, lineEnd, limits) ??
      this.fields.read(text, lineEnd + 2, end - 2, limits.headerCount) ??
      this.#readHost() ??
      this.#readConnection()
    );
  }

  /** Forgets the last request, so that an error while reading the next is not logged under its name. */
  #clear(): void {
    this.method = "";
    this.target = "";
    this.path = "";
    this.rawPath = "";
    this.query = "";
    this.hasQuery = false;
    this.authority = "";
    this.isPersistent = true;
    this.host = "";
    this.minor = 1;
    this.protocol = "HTTP/1.1";
    this.bodyLength = 0;
    this.isUpgrade = false;
    this.expectsContinue = false;
    this.fields.clear();
  }

  /** Holds nothing but, for the log, the first line of what came instead of a request. */
  clear(received: string): void {
    this.#clear();
    const lineEnd = received.search(/[\r\n]/);
    this.line = (lineEnd < 0 ? received : received.slice(0, lineEnd)).slice(0, maxLoggedLine);
    this.bytes = received.length;
  }

  /** method SP request-target SP HTTP-version, with exactly one space each (RFC 9112 section 3). */
  #readLine(text: string, start: number, end: number, limits: HeadLimits): FailureCode | undefined {
    const methodEnd = text.indexOf(" ", start);
    if (methodEnd < 0 || methodEnd >= end) return lineFault(text, start, end);
    if (!isToken(text, start, methodEnd) || methodEnd - start > 32) return "BAD_METHOD";
    const targetEnd = text.indexOf(" ", methodEnd + 1);
    if (targetEnd < 0 || targetEnd >= end) return lineFault(text, start, end);
    this.method = methodOf(text, start, methodEnd);
    this.target = text.slice(methodEnd + 1, targetEnd);
    if (this.target.length > limits.targetBytes) return "TARGET_TOO_LONG";
    const wrongVersion = this.#readVersion(text, targetEnd + 1, end);
    if (wrongVersion !== undefined) return wrongVersion;
    // CONNECT takes an authority for a target. We are no forward proxy, whatever it says.
    if (this.method === "CONNECT") return "METHOD_NOT_SUPPORTED";
    const target = limits.bareLf ? tidied(this.target) : this.target;
    return readTarget(target, this.method, this) ? undefined : "BAD_TARGET";
  }

  #readVersion(text: string, start: number, end: number): FailureCode | undefined {
    if (end - start !== 8 || !text.startsWith("HTTP/", start)) {
      const fault = lineFault(text, start, end);
      // One more space: it stood in the target.
      const space = text.indexOf(" ", start);
      return fault === "BAD_REQUEST_LINE" && space >= 0 && space < end ? "BAD_TARGET" : fault;
    }
    const isOne = text.charCodeAt(start + 5) === 49 && text.charCodeAt(start + 6) === 46;
    const minor = text.charCodeAt(start + 7) - 48;
    if (!isOne || minor < 0 || minor > 1) return "BAD_VERSION";
    this.minor = minor;
    if (minor === 0) this.protocol = "HTTP/1.0";
    return undefined;
  }

  /** RFC 9112 section 3.2: one Host, and an absolute-form target must not contradict it. */
  #readHost(): FailureCode | undefined {
    const times = this.fields.times(Field.HOST);
    if (times > 1 || (times === 0 && this.minor === 1)) return "BAD_HOST";
    this.host = this.fields.first(Field.HOST);
    if (times === 1 && this.host === "") return "BAD_HOST";
    if (this.authority === "") return undefined;
    const port = /^https/i.test(this.target) ? ":443" : ":80";
    if (times === 1 && withoutPort(this.host, port) !== withoutPort(this.authority, port)) {
      return "BAD_HOST";
    }
    this.host = this.authority;
    return undefined;
  }

  #readConnection(): FailureCode | undefined {
    const fields = this.fields;
    this.isPersistent = this.minor === 1;
    if (fields.times(Field.CONNECTION) > 0) {
      const value = fields.joined(Field.CONNECTION);
      if (value.length === 10 && equalsIgnoringCase(value, 0, "keep-alive")) {
        this.isPersistent = true;
      } else {
        this.#readConnectionOptions(value);
      }
    }
    if (fields.times(Field.EXPECT) > 0) {
      // RFC 9110 section 10.1.1: other expectations cannot be met; HTTP/1.0 clients know none.
      if (fields.joined(Field.EXPECT).toLowerCase() !== "100-continue") return "BAD_EXPECTATION";
      this.expectsContinue = this.minor === 1;
      if (this.minor === 0) fields.drop(Field.EXPECT);
    }
    return bodyOfRequest(this);
  }

  #readConnectionOptions(value: string): void {
    const options = value.toLowerCase().split(",");
    for (const each of options) {
      const option = each.trim();
      if (option === "close") this.isPersistent = false;
      else if (option === "keep-alive" && !value.toLowerCase().includes("close"))
        this.isPersistent = true;
      else if (option === "upgrade") {
        this.isUpgrade = this.minor === 1 && this.fields.times(Field.UPGRADE) > 0;
      }
    }
  }
}

/** Without a fragment, which is nobody's business but the client's, and each percent sign an escape. */
function tidied(target: string): string {
  const hash = target.indexOf("#");
  const kept = hash < 0 ? target : target.slice(0, hash);
  return kept.includes("%") ? kept.replace(/%(?![0-9a-f]{2})/gi, "%25") : kept;
}

/** Method names that need no slice of their own. */
function methodOf(text: string, start: number, end: number): string {
  const length = end - start;
  if (length === 3 && text.startsWith("GET", start)) return "GET";
  if (length === 4 && text.startsWith("POST", start)) return "POST";
  if (length === 4 && text.startsWith("HEAD", start)) return "HEAD";
  return text.slice(start, end);
}

/** A control character in the line says more than a missing part. */
function lineFault(text: string, start: number, end: number): FailureCode {
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code === 10 || code === 13) return "BAD_LINE_END";
  }
  return "BAD_REQUEST_LINE";
}

/** In lower case, without a port that the scheme implies. */
function withoutPort(authority: string, implied: string): string {
  const name = authority.toLowerCase();
  if (name.endsWith(implied)) return name.slice(0, -implied.length);
  return name.endsWith(":") ? name.slice(0, -1) : name;
}
