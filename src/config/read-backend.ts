// Reads a backend that stands by itself, not in the list of its service: as a program registers itself.

import type { Backend } from "./service.ts";
import { splitFault } from "./scalar.ts";
import { backends } from "./service-schema.ts";

export type ReadBackend =
  | { readonly kind: "backend"; readonly backend: Backend }
  | { readonly kind: "bad"; readonly why: string; readonly remedy: string | undefined };

/** @param value a URL, or `{ url, weight, tier }` */
export function readBackend(value: unknown): ReadBackend {
  const result = backends.safeParse([value]);
  const [backend] = result.data ?? [];
  if (backend !== undefined) return { kind: "backend", backend };
  const [issue] = result.error?.issues ?? [];
  const { message, remedy } = splitFault(issue?.message ?? "is no backend");
  return { kind: "bad", why: message, remedy };
}
