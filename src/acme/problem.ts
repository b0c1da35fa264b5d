// Problem documents (RFC 7807) as certificate authorities send them (RFC 8555 section 6.7). Their words reach
// people and logs, so they are cut, and control characters go.

import { acmeClientLimits as limits } from "../config/acme-limits.ts";
import { listAt, recordAt, textAt } from "../lib/json.ts";

export interface SubProblem {
  /** Of RFC 8555, without its prefix; "" for others. */
  readonly type: string;
  readonly detail: string;
  /** The name that it is about. */
  readonly identifier: string | undefined;
}

export interface Problem extends SubProblem {
  /** Where people can read more, and what they have to do. */
  readonly instance: string | undefined;
  readonly subproblems: readonly SubProblem[];
}

const prefix = "urn:ietf:params:acme:error:";

/** Of anything: what is no problem document is one that says nothing. */
export function readProblem(value: unknown): Problem {
  const subproblems = listAt(value, "subproblems").slice(0, limits.failures).map(readOne);
  const instance = textAt(value, "instance");
  const isWeb = /^https?:\/\/[\x21-\x7e]+$/.test(instance) && instance.length <= limits.url;
  return { ...readOne(value), subproblems, instance: isWeb ? instance : undefined };
}

function readOne(value: unknown): SubProblem {
  const type = textAt(value, "type");
  const identifier = textAt(recordAt(value, "identifier"), "value");
  return {
    type: type.startsWith(prefix) ? plain(type.slice(prefix.length), 64) : "",
    detail: plain(textAt(value, "detail"), limits.detail),
    identifier: identifier === "" ? undefined : plain(identifier, 255),
  };
}

/** One line. */
export function plain(text: string, maxLength: number): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  return cut.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim();
}
