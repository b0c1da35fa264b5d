// Whether a document is what it is meant to be. One that is not keeps the one before it serving.

import type { Network } from "../lib/ip.ts";
import { readNetworkList } from "../lib/network-list.ts";
import { readPublicKeys } from "../lib/public-keys.ts";
import { userListFault } from "../lib/user-list.ts";
import { hashCost, mostUsers, tokens } from "./auth-limits.ts";
import { documentLimits as limits } from "./document-limits.ts";
import type { DocumentForm, DocumentWish } from "./documents.ts";

/** A sentence without its subject, `line 3: "x" is not a network`; undefined = it can be used. */
type Check = (text: string, from: DocumentWish["from"]) => string | undefined;

const userLimits = { users: mostUsers, cost: hashCost };

const checks: Readonly<Record<DocumentForm, Check>> = {
  text: () => undefined,
  // Looked at in a process apart, by whoever reads it.
  module: () => undefined,
  networks: (text, from) => networkFault(text, limits.networks, from === "url"),
  proxies: (text) => networkFault(text, limits.trusted, true),
  htpasswd: (text) => userListFault(text, "htpasswd", userLimits),
  htdigest: (text) => userListFault(text, "htdigest", userLimits),
  apikeys: (text) => userListFault(text, "apikeys", userLimits),
  jwks: keysFault,
};

/** What is wrong with it; undefined = nothing. */
export function documentFault(
  { form, from }: Pick<DocumentWish, "form" | "from">,
  text: string,
): string | undefined {
  if (text.includes("\0")) return "is no text";
  return checks[form](text, from);
}

function networkFault(text: string, most: number, isStrict: boolean): string | undefined {
  const list = readNetworkList(text, { most, depth: limits.depth });
  if (list.kind === "bad") return list.why;
  if (!isStrict) return undefined;
  // Whoever keeps a file may mean that. What comes from elsewhere was cut off, or is somebody's joke.
  if (list.networks.length === 0) return "has no networks in it";
  return list.networks.some(isEverything) ? "names the whole internet" : undefined;
}

function keysFault(text: string): string | undefined {
  const read = readPublicKeys(text, tokens);
  return read.kind === "bad" ? read.why : undefined;
}

function isEverything({ first, last }: Network): boolean {
  if (first === 0) return last === 2 ** 32 - 1;
  return first === "0".repeat(32) && last === "f".repeat(32);
}
