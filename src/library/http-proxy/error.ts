// Why a request came to nothing, as programs written for Node's own client know it: by its `code`.

import { factsOf, type FailureCode } from "../../http/errors.ts";

const codes: Partial<Record<FailureCode, string>> = {
  CONNECT_REFUSED: "ECONNREFUSED",
  CONNECT_FAILED: "EHOSTUNREACH",
  CONNECT_TIMEOUT: "ETIMEDOUT",
  NAME_NOT_FOUND: "ENOTFOUND",
  UPSTREAM_CLOSED: "ECONNRESET",
  UPSTREAM_TRUNCATED: "ECONNRESET",
  RESPONSE_TIMEOUT: "ETIMEDOUT",
  RESPONSE_BODY_TIMEOUT: "ETIMEDOUT",
  CLIENT_CLOSED: "ECONNRESET",
};

export class ProxyError extends Error {
  /** Node's, where it has one: `ECONNREFUSED`; else the failure. */
  readonly code: string;
  /** A name of docs/reference/errors.md. */
  readonly failure: FailureCode;

  constructor(failure: FailureCode, cause?: Error) {
    const text = factsOf(failure).text;
    super(cause === undefined ? text : `${text} (${cause.message})`, { cause });
    this.name = "ProxyError";
    this.failure = failure;
    this.code = codeOf(cause) ?? codes[failure] ?? failure;
  }
}

function codeOf(cause: Error | undefined): string | undefined {
  if (cause === undefined) return undefined;
  if ("code" in cause && typeof cause.code === "string") return cause.code;
  return cause.cause instanceof Error ? codeOf(cause.cause) : undefined;
}
