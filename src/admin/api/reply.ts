// What an endpoint answers. Refusals are `application/problem+json` (RFC 9457), with a JSON pointer to each thing
// that is wrong and what to write instead.

import type { ContentfulStatusCode } from "hono/utils/http-status";

export interface Reply {
  readonly status: ContentfulStatusCode | 304;
  /** Sent as JSON, unless it is a text or a stream with a `type`. */
  readonly body: unknown;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** For the audit, of what was done; without it nothing was. */
  readonly done?: { readonly what: string; readonly revision?: number | undefined };
}

/** One thing that is wrong with what was sent. */
export interface Fault {
  /** RFC 6901, into the body; "" = all of it. */
  readonly pointer: string;
  readonly message: string;
  readonly remedy?: string;
}

export interface Refusal {
  /** One sentence: what is wrong, and what to do. */
  readonly detail: string;
  readonly errors?: readonly Fault[];
  readonly headers?: Readonly<Record<string, string>>;
}

const titles = {
  400: "Bad request",
  401: "Not logged in",
  403: "Not allowed",
  404: "Not found",
  405: "Method not allowed",
  409: "Conflict",
  412: "Changed meanwhile",
  413: "Too large",
  415: "Not this kind of content",
  421: "Not this host",
  422: "Invalid",
  429: "Too often",
  500: "Failed",
  502: "Not delivered",
  503: "Not available",
} as const;

export type RefusalStatus = keyof typeof titles;

export const refusalTitles: Readonly<Record<number, string>> = titles;

export function refused(status: RefusalStatus, { detail, errors, headers }: Refusal): Reply {
  // `about:blank`: the status says what kind it is, there is no page to read about each.
  const body = {
    type: "about:blank",
    status,
    title: titles[status],
    detail,
    ...(errors === undefined ? {} : { errors }),
  };
  const type = "application/problem+json";
  return { status, body, type, ...(headers === undefined ? {} : { headers }) };
}

export function pointerOf(path: readonly PropertyKey[]): string {
  return path
    .map((each) => `/${String(each).replaceAll("~", "~0").replaceAll("/", "~1")}`)
    .join("");
}

export function done(body: unknown, headers?: Readonly<Record<string, string>>): Reply {
  return { status: 200, body, ...(headers === undefined ? {} : { headers }) };
}
