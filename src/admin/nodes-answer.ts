// What the running program answers about its fleet, read and checked like all that it answers (`answers.ts`).

import * as z from "zod";
import { maybe } from "./answers.ts";
import type { FleetRows, NodeRow } from "./operations.ts";

const maybeText = maybe(z.string());

const node: z.ZodType<NodeRow> = z.object({
  name: z.string(),
  isSelf: z.boolean(),
  state: z.enum(["up", "gone", "unknown"]),
  seen: maybeText,
  version: z.string(),
  pid: z.number(),
  since: z.string(),
  snapshot: z.number(),
  listeners: z.array(z.string()),
  admin: z.array(z.string()),
});

const fleet: z.ZodType<FleetRows> = z.object({
  prefix: z.string(),
  endpoints: z.array(z.string()),
  state: z.enum(["starting", "joined", "away", "alone"]),
  trouble: maybeText,
  since: z.string(),
  seen: maybeText,
  lag: z.number(),
  nodes: z.array(node),
});

export interface NodesAnswer {
  /** null = it is in none. */
  readonly fleet: FleetRows | null;
}

const answer: z.ZodType<NodesAnswer> = z.object({ fleet: fleet.nullable() });

/** Undefined: not what we answer. */
export function readNodes(body: unknown): NodesAnswer | undefined {
  return answer.safeParse(body).data;
}
