// Middlewares that change what answers say of themselves, as the snapshot holds them.

import type { StatusRange } from "../../service.ts";

/** Names and values as they are written; values may hold placeholders. */
export type NamedValues = readonly (readonly [name: string, value: string])[];

export interface HeaderEdits {
  /** In lower case; a `*` at the end stands for any rest. */
  readonly remove: readonly string[];
  readonly set: NamedValues;
  readonly add: NamedValues;
}

export interface HeadersUse {
  readonly kind: "headers";
  readonly request: HeaderEdits | undefined;
  readonly response: (HeaderEdits & { readonly statuses: readonly StatusRange[] }) | undefined;
}

export interface CorsUse {
  readonly kind: "cors";
  /** `*` alone, or origins: `https://a.example`, `https://*.a.example`; in lower case. */
  readonly origins: readonly string[];
  /** Regular expressions that match a whole origin. */
  readonly patterns: readonly { readonly pattern: string; readonly flags: string }[];
  readonly methods: readonly string[];
  /** Request fields, in lower case; `*` = whatever is asked for. */
  readonly headers: readonly string[] | "*";
  /** Answer fields that scripts may read. */
  readonly exposed: readonly string[];
  readonly credentials: boolean;
  /** How long a browser may remember, ms. */
  readonly maxAge: number;
  readonly privateNetwork: boolean;
}

export interface SecurityHeadersUse {
  readonly kind: "securityHeaders";
  readonly fields: NamedValues;
  /** In lower case. */
  readonly remove: readonly string[];
  /** Also where the backend says something else. */
  readonly override: boolean;
}

export interface ContentTypeUse {
  readonly kind: "contentType";
  /** By ending, in lower case, without the dot: comes before the usual ones. */
  readonly types: Readonly<Record<string, string>>;
  /** Of answers whose path has no known ending; "" = none. */
  readonly fallback: string;
  /** Of texts that name none; "" = none. */
  readonly charset: string;
  readonly nosniff: boolean;
}

export interface ErrorsUse {
  readonly kind: "errors";
  readonly statuses: readonly StatusRange[];
  readonly page: ErrorsPage;
  /** Instead of the answer's own; undefined = it stays. */
  readonly status: number | undefined;
  /** Who reads JSON or plain text is not shown the page. */
  readonly isHtmlOnly: boolean;
}

export type ErrorsPage =
  | { readonly from: "text"; readonly text: string; readonly contentType: string }
  /** `404.html`, `5xx.html`, `default.html` in it. */
  | { readonly from: "folder"; readonly folder: string }
  /** `{status}` in the URI stands for it. */
  | {
      readonly from: "service";
      readonly service: string;
      readonly uri: string;
      readonly contentType: string;
    };
