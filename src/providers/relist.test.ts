import assert from "node:assert/strict";
import { test } from "node:test";
import { relist } from "./relist.ts";

test("when nobody listens any longer, that is the reason, and not what became of a listing", async () => {
  const { promise: isListing, resolve: listing } = Promise.withResolvers<void>();
  const words = relist<never>(
    {
      async list() {
        listing();
        // As a connection that both had.
        await new Promise((resolve) => setImmediate(resolve));
        throw new Error("closed");
      },
      async watch(changed) {
        changed();
        await isListing;
        throw new Error("may not be heard of");
      },
      every: 10_000,
    },
    new AbortController().signal,
  );
  await assert.rejects(words.next(), /may not be heard of/);
});
