// A route that names no middleware pays nothing for them: nothing of theirs is made or called for its requests.

import assert from "node:assert/strict";
import { after, mock, test } from "node:test";
import { Chain } from "../../src/proxy/chain.ts";
import { Review } from "../../src/proxy/review.ts";
import { ask } from "../harness/ask.ts";
import { httpOrigin } from "../harness/origin.ts";
import { startPlane } from "./plane.ts";

let calls = 0;
for (const name of ["enter", "request", "respond", "done"] as const) {
  const method = Chain.prototype[name];
  mock.method(Chain.prototype, name, function (this: Chain, ...args: unknown[]) {
    calls++;
    return Reflect.apply(method, this, args);
  });
}
const { apply } = Review.prototype;
mock.method(Review.prototype, "apply", function (this: Review, ...args: Parameters<typeof apply>) {
  calls++;
  apply.apply(this, args);
});
after(() => mock.restoreAll());

test("a route without middlewares does nothing for them", async () => {
  await using backend = await httpOrigin((_, response) => void response.end("there"));
  await using plane = await startPlane({
    listeners: { web: "127.0.0.1:0" },
    routes: {
      "plain.test": { service: backend.url },
      "limited.test": { service: backend.url, middlewares: [{ rateLimit: "9/s" }] },
    },
  });
  const get = async (name: string) => (await ask(plane.port, { name })).body;
  assert.equal(await get("plain.test"), "there");
  assert.equal(calls, 0);
  // What is counted would have been.
  assert.equal(await get("limited.test"), "there");
  assert.ok(calls >= 2, `${calls} calls`);
});
