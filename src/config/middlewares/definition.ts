// What the configuration knows of one kind of middleware: its settings, what becomes of them, and where it stands among
// others. Each kind has its file here, and its line in `registry.ts`.

import type * as z from "zod";
import type { Context } from "../context.ts";
import type { Path } from "../problem.ts";

export interface Definition<Kind extends string, Schema extends z.ZodType, Use> {
  /** Its name everywhere: in the file, in labels, in the API. */
  readonly kind: Kind;
  /** One sentence, for the reference. */
  readonly summary: string;
  /** Of what stands behind its name. */
  readonly settings: Schema;
  /** Its place where no order is said: the lower, the nearer to the client. See `places`. */
  readonly place: number;
  /**
   * With all defaults filled in: plain data. undefined = it cannot be used, and that has been reported. Several: they run
   * one after the other.
   */
  resolve(settings: z.output<Schema>, context: Context, path: Path): Use | undefined;
  /**
   * Settings, below its own, that labels and items of outside sources may not have: they name files of this host, or let
   * their writer have others asked by us. Empty path = the whole kind; "*" = each of a list or mapping.
   */
  readonly guarded?: readonly Path[];
  /** Those of `guarded` that name nothing but whom we ask: items of operators may have them. */
  readonly asks?: readonly Path[];
  /** Settings, below its own, that no answer and no dump shows. */
  readonly secrets?: readonly Path[];
  /** Of one that `secrets` has: whether it is shown all the same. */
  mayShow?(path: Path): boolean;
  /** Regular expressions in it, which labels may only have where their time is bounded. */
  patterns?(use: OneOf<Use>): readonly { readonly pattern: string; readonly flags: string }[];
}

interface HasKind {
  readonly kind: string;
}

type OneOf<Use> = Use extends readonly (infer One)[] ? One : Use;

export function define<
  const Kind extends string,
  Schema extends z.ZodType,
  Use extends HasKind | readonly HasKind[],
>(definition: Definition<Kind, Schema, Use>): Definition<Kind, Schema, Use> {
  return definition;
}

/** Where no order is said (a mapping instead of a list), middlewares run by these, in order. */
export const places = {
  /** Names and traces, for the logs of all that follow. */
  trace: 100,
  /** Who may come at all, by address. */
  address: 200,
  /** To another URL, before anybody is asked for a password. */
  redirect: 300,
  /** What looks at the answer of all that follow: compression, headers, error pages. */
  answer: 400,
  /** How much. */
  limit: 500,
  /** Who it is. */
  auth: 600,
  /** What is put aside of answers. */
  cache: 700,
  /** What the backend gets. */
  rewrite: 800,
  /** Nobody behind it is asked. */
  respond: 900,
} as const;
