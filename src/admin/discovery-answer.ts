// What the running program answers about discovery, read and checked like all that it answers (`answers.ts`).

import * as z from "zod";
import type { GuestPlace } from "../config/guest.ts";
import type { Finding, FoundRoute, Note } from "../config/finding.ts";
import { dialects } from "../config/provider-settings.ts";
import { maybe, provider } from "./answers.ts";
import type { DiscoveryRows, Refusal } from "./operations.ts";

const maybeText = maybe(z.string());

const foundRoute: z.ZodType<FoundRoute> = z.object({
  route: z.string(),
  rule: z.string(),
  service: maybeText,
  backend: maybeText,
  dialect: maybe(z.enum(dialects)),
});

const note: z.ZodType<Note> = z.object({
  severity: z.enum(["error", "warning", "info"]),
  about: z.string(),
  message: z.string(),
  remedy: maybeText,
});

const guest: z.ZodType<GuestPlace> = z.object({
  rootfs: maybeText,
  init: maybe(z.object({ pid: z.number(), startedAt: z.string() })),
  why: z.string(),
});

const finding: z.ZodType<Finding> = z.object({
  provider: z.string(),
  platform: z.string(),
  name: z.string(),
  id: z.string(),
  project: maybeText,
  state: z.string(),
  addresses: z.array(z.string()),
  became: z.array(foundRoute),
  notes: z.array(note),
  guest: guest.exactOptional(),
});

const refusal: z.ZodType<Refusal> = z.object({ place: z.string(), message: z.string() });

const discovery: z.ZodType<DiscoveryRows> = z.object({
  providers: z.array(provider),
  findings: z.array(finding),
  refusals: z.array(refusal),
});

/** Undefined: not what we answer. */
export function readDiscovery(body: unknown): DiscoveryRows | undefined {
  return discovery.safeParse(body).data;
}
