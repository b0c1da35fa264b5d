// A question to a web server that operators named: bounded in time and size, and with a sentence for
// whatever goes wrong. What may be secret, the query and the fields of a question, is in none of them.

import { type IncomingHttpHeaders, type IncomingMessage, request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import { formatSize } from "./size.ts";

/** PEM texts; undefined = the system's authorities, and no certificate of our own. */
export interface WebTrust {
  readonly ca: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
}

export interface WebCall {
  readonly url: URL;
  readonly method: "GET" | "HEAD" | "POST" | "PATCH" | "DELETE";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly tls: WebTrust | undefined;
  /** Who is asked, for messages: `etcd at http://10.0.0.1:2379`. */
  readonly who: string;
  /** Where it is configured, for messages. */
  readonly place: string;
  readonly signal: AbortSignal;
  /** Until the whole answer is there, or the head of one without end; ms. */
  readonly timeout: number;
}

export interface WebAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export class WebError extends Error {
  readonly kind: "unreachable" | "slow" | "large" | "refused";

  constructor(kind: WebError["kind"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "WebError";
    this.kind = kind;
  }
}

/** Rejects with a WebError, unless the signal is aborted. Redirects are answers like any other. */
export function webAnswer(call: WebCall, maxBytes: number): Promise<WebAnswer> {
  const chunks: Buffer[] = [];
  let size = 0;
  const { promise, resolve, reject } = Promise.withResolvers<WebAnswer>();
  const { request, fail, end } = open(call, reject);
  request.on("response", (response) => {
    response.on("error", fail);
    response.on("data", (bytes: Buffer) => {
      size += bytes.length;
      if (size > maxBytes) end(tooLarge(call, maxBytes));
      else chunks.push(bytes);
    });
    response.on("end", () => {
      // What was cut off, by it or by us, ends all the same, and is not whole.
      if (!response.complete || size > maxBytes) return;
      const status = response.statusCode ?? 0;
      resolve({ status, headers: response.headers, body: Buffer.concat(chunks) });
    });
  });
  request.end(call.body);
  return promise;
}

export interface WebStream {
  /** The head is here. What it throws ends the stream. */
  opened(response: IncomingMessage): void;
  /** What it throws ends the stream. */
  bytes(bytes: Buffer): void;
}

/** An answer without end. Rejects when it ends. */
export function webStream(call: WebCall, { opened, bytes }: WebStream): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const { request, fail, end, hasBegun } = open(call, reject);
  const guarded = (action: () => void) => {
    try {
      action();
    } catch (error) {
      end(error);
    }
  };
  request.on("response", (response) => {
    hasBegun();
    response.on("error", fail);
    response.on("data", (chunk: Buffer) => guarded(() => bytes(chunk)));
    guarded(() => opened(response));
  });
  request.end(call.body);
  return promise;
}

function open(call: WebCall, reject: (error: unknown) => void) {
  const { url, method, headers, tls, signal, timeout, body } = call;
  const length = body === undefined ? {} : { "Content-Length": String(Buffer.byteLength(body)) };
  // A connection for each question: they are rare, and none goes stale.
  const common = { method, headers: { ...headers, ...length }, signal, agent: false };
  const request =
    url.protocol === "https:"
      ? tlsRequest(url, { ...common, ca: tls?.ca, cert: tls?.certificate, key: tls?.key })
      : plainRequest(url, common);
  let failure: unknown;
  const end = (error: unknown) => {
    failure ??= error;
    request.destroy();
  };
  const fail = (error: unknown) => end(unreachable(call, error));
  const timer = setTimeout(() => end(slow(call)), timeout);
  request.on("error", fail);
  request.on("close", () => {
    clearTimeout(timer);
    // Does nothing once the answer is complete.
    reject(failure ?? unreachable(call, new Error("it ended the connection without an answer")));
  });
  return { request, fail, end, hasBegun: () => clearTimeout(timer) };
}

function slow({ who, timeout }: WebCall): WebError {
  const message = `${who} has not answered within ${timeout / 1000} s; it hangs, or has too much to do`;
  return new WebError("slow", message);
}

function tooLarge({ who }: WebCall, maxBytes: number): WebError {
  return new WebError("large", `${who} answered with more than ${formatSize(maxBytes)}`);
}

function unreachable(call: WebCall, cause: unknown): WebError {
  const error = cause instanceof Error ? cause : new Error(String(cause));
  const code = "code" in error ? String(error.code) : "";
  const why = explain(call, code, error.message);
  return new WebError("unreachable", `cannot ask ${call.who}: ${why}`, { cause });
}

function explain({ url, place }: WebCall, code: string, message: string): string {
  switch (code) {
    case "ECONNREFUSED":
      return "nobody listens there; is it running?";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `the name of the host is not known; see ${place}`;
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "ETIMEDOUT":
      return "the host cannot be reached; is it up, and is there a way to it?";
    case "ECONNRESET":
    case "EPIPE":
      return url.protocol === "https:"
        ? "it broke off the connection; it may have ended, or want a client certificate"
        : "it broke off the connection; it may have ended, or speak TLS: then write https://";
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return `its certificate is for another name; write the name that it has at ${place}`;
    case "CERT_HAS_EXPIRED":
    case "CERT_NOT_YET_VALID":
      return `its certificate is not valid now (${message}); it has to be renewed there, unless the clock of this machine is wrong`;
  }
  if (/^(CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_TLS_CERT)/.test(code)) {
    return `its certificate is not trusted (${message}); set \`tls.ca\` at ${place} to the authority that signed it`;
  }
  const isTls = code.startsWith("ERR_SSL_") || code === "EPROTO";
  if (isTls && /alert/i.test(`${code} ${message}`)) {
    return `it does not like our TLS: it may want a client certificate, \`tls.cert\` and \`tls.key\` at ${place}`;
  }
  if (isTls) return "it does not speak TLS; write http://";
  if (code.startsWith("HPE_")) return "what it sends is not HTTP; does it expect TLS?";
  return message;
}
