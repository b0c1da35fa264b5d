// What holds for every list of backends, whatever is spoken to them.

import type * as z from "zod";
import type { Backend } from "./service.ts";

/** What is known of a backend is known by its URL. */
export function refuseTwice(
  all: readonly Pick<Backend, "url">[],
  context: z.core.$RefinementCtx,
): void {
  const seen = new Set<string>();
  for (const [index, { url }] of all.entries()) {
    if (seen.has(url)) {
      const message = `${url} is listed twice\ngive it a weight instead`;
      context.addIssue({ code: "custom", path: [index], message });
    }
    seen.add(url);
  }
}
