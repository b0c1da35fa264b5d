import assert from "node:assert/strict";
import { test } from "node:test";
import type { MiddlewareUse } from "../config/snapshot.ts";
import { exchangeOf, trialApi, verdictOf } from "../../test/harness/middleware-trial.ts";
import { KeptMiddlewares } from "./kept-middlewares.ts";

const denying: MiddlewareUse = {
  ...{ kind: "ipRules", allow: undefined, except: undefined, of: "client", status: 403 },
  ...{ deny: { networks: [], lists: [{ document: "d", builtIn: [] }] }, missing: "allow" },
  ...{ documents: [], written: {} },
};

function keptWith(before: KeptMiddlewares | undefined, text: string): KeptMiddlewares {
  const documents = new Map([["d", { text, version: text }]]);
  const { wheel, peers, page } = trialApi();
  const facts = { secret: "00", documents };
  return new KeptMiddlewares(before, { wheel, peers, page, facts, onProblem() {} });
}

/** Whether 192.0.2.1 may come by the middleware of this owner. */
function mayCome(kept: KeptMiddlewares, owner = "route a"): boolean {
  const [link] = kept.links(owner, [denying]);
  assert.ok(link !== undefined);
  return verdictOf(link.middleware, exchangeOf("/")) === undefined;
}

test("a middleware that is kept is told what is live, one that is new what it is made for", () => {
  const first = keptWith(undefined, "192.0.2.0/24");
  const [link] = first.links("route a", [denying]);
  assert.ok(link !== undefined);
  const isWelcome = () => verdictOf(link.middleware, exchangeOf("/")) === undefined;
  first.commit();
  assert.ok(!isWelcome());
  const second = keptWith(first, "198.51.100.0/24");
  assert.equal(second.links("route a", [denying])[0]?.middleware, link.middleware);
  // As long as the one before serves, its documents count.
  assert.ok(!isWelcome());
  assert.ok(mayCome(second, "route b"));
  second.commit();
  assert.ok(isWelcome());
  // One that never goes live changes nothing.
  const third = keptWith(second, "192.0.2.0/24");
  assert.ok(mayCome(third) && !mayCome(third, "route c"));
  assert.ok(isWelcome());
});
