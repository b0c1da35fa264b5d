// What settings of middlewares that ask where a client is have in common.

import * as z from "zod";
import type { Context } from "../context.ts";
import type { DocumentWish } from "../documents.ts";
import { type NetworkSourcesInput, resolveNetworks } from "../network-sources.ts";
import type { Path } from "../problem.ts";
import { key, mustBe } from "../scalar.ts";
import type { NetworksUse } from "./uses/address.ts";

const statuses = [403, 404, "close"] as const;

export const addressKeys = {
  of: key(
    z.enum(["client", "peer"], { error: mustBe({ what: "client or peer" }) }),
    "Whose address: the client's, as trusted proxies name it, or that of the connection.",
    "client",
  ),
  status: key(
    z.literal(statuses, { error: mustBe({ what: "403, 404 or close" }) }),
    "What who may not come gets: an answer, or a closed connection.",
    403,
  ),
};

/** As the snapshot holds it: 0 = closed. */
export function statusUse(status: (typeof statuses)[number] = 403): 403 | 404 | 0 {
  return status === "close" ? 0 : status;
}

/** @param documents those that it leans on are added there */
export function networksUse(
  context: Context,
  input: NetworkSourcesInput,
  path: Path,
  documents: DocumentWish[],
): NetworksUse {
  const { networks, lists } = resolveNetworks(context, input, "networks", path);
  documents.push(...lists.map(({ wish }) => wish));
  return {
    networks,
    lists: lists.map(({ wish, builtIn }) => ({ document: wish.name, builtIn })),
  };
}

/** Settings below these names that name files of this host, or whom we ask. */
export function listGuards(names: readonly string[], kinds: readonly ("file" | "url")[]): Path[] {
  return names.flatMap((name) =>
    kinds.flatMap((kind) => [
      [name, "*", kind],
      [name, kind],
    ]),
  );
}
