// What the running program answers about its store, read and checked like all that it answers (`answers.ts`).

import * as z from "zod";
import { itemSections } from "../config/item.ts";
import { maybe } from "./answers.ts";
import type { ChangedItem, Export, Revision } from "./configuration.ts";

const changedItem = z
  .object({
    section: z.enum(itemSections),
    name: z.string(),
    before: z.unknown().optional(),
    after: z.unknown().optional(),
  })
  .transform((each): ChangedItem => ({ ...each, before: each.before, after: each.after }));

const done = z.object({
  kind: z.literal("done"),
  revision: z.number(),
  version: maybe(z.number()),
  changed: z.array(changedItem),
  notes: z.array(z.string()),
});

export type Done = z.output<typeof done>;

export function readDone(body: unknown): Done | undefined {
  return done.safeParse(body).data;
}

const revision: z.ZodType<Revision> = z.object({
  number: z.number(),
  at: z.string(),
  by: z.string(),
  note: maybe(z.string()),
  changes: z.array(changedItem),
});

export function readHistory(body: unknown): readonly Revision[] | undefined {
  return z.array(revision).safeParse(body).data;
}

export function readDifference(body: unknown): readonly ChangedItem[] | undefined {
  return z.object({ changed: z.array(changedItem) }).safeParse(body).data?.changed;
}

const exported: z.ZodType<Export> = z.object({
  format: z.literal("tidegate-items-1"),
  items: z.array(
    z
      .object({ section: z.enum(itemSections), name: z.string(), value: z.unknown().optional() })
      .transform((each) => ({ ...each, value: each.value })),
  ),
});

export function readExport(body: unknown): Export | undefined {
  return exported.safeParse(body).data;
}

export function readDump(body: unknown): string | undefined {
  return z.object({ text: z.string() }).safeParse(body).data?.text;
}

export interface StoreRefusal {
  readonly detail: string;
  readonly errors: readonly {
    readonly path: string;
    readonly message: string;
    readonly remedy?: string | undefined;
    readonly severity: string;
  }[];
}

const refusal = z.object({
  detail: z.string(),
  errors: z
    .array(
      z.object({
        path: z.string(),
        message: z.string(),
        remedy: maybe(z.string()),
        severity: z.string(),
      }),
    )
    .default([]),
});

export function readRefusal(body: unknown): StoreRefusal | undefined {
  return refusal.safeParse(body).data;
}
