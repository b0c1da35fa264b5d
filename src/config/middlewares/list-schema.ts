// `middlewares` of a route, service or listener: a list in the order in which they run, or a mapping, whose order is ours.
// What stands in it is checked by `list.ts`, each at its own place; `typed-list.ts` says to editors and labels what may.

import * as z from "zod";
import { mustBe } from "../scalar.ts";

/** By it the schema is found in those that it is a part of. */
export const listTitle = "middlewares";

export const middlewareList = z
  .union(
    [
      z.array(
        z.union([z.string(), z.record(z.string(), z.unknown())], {
          error: mustBe({ what: "a middleware: its name, or NAME: SETTINGS" }),
        }),
      ),
      z.record(z.string(), z.unknown()),
    ],
    { error: mustBe({ what: "a list of middlewares, or a mapping of them" }) },
  )
  .meta({ title: listTitle });

export type MiddlewareListInput = z.output<typeof middlewareList>;
