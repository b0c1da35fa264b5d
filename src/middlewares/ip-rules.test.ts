import assert from "node:assert/strict";
import { test } from "node:test";
import type { IpRulesUse, NetworksUse } from "../config/middlewares/uses/address.ts";
import type { LiveDocument } from "../config/documents.ts";
import {
  exchangeOf,
  middlewareOf,
  trialApi,
  verdictOf,
} from "../../test/harness/middleware-trial.ts";

const usual: IpRulesUse = {
  ...{ kind: "ipRules", allow: undefined, deny: undefined, except: undefined, of: "client" },
  ...{ status: 403, missing: "allow", documents: [] },
};

const listOf = (...networks: string[]): NetworksUse => ({ networks, lists: [] });
const fromDocument = (builtIn: readonly string[] = []): NetworksUse => ({
  networks: [],
  lists: [{ document: "networks d", builtIn }],
});

class Trial {
  document: LiveDocument | undefined;
  readonly warnings: string[] = [];
  readonly #middleware;

  constructor(use: Partial<IpRulesUse>) {
    const api = { ...trialApi(this.warnings), document: () => this.document };
    this.#middleware = middlewareOf({ ...usual, ...use, written: {} }, api);
  }

  /** The failure; "" = it may come. */
  ask(address: string, peerIp = address): string {
    const exchange = exchangeOf("/", { origin: { peerIp } });
    exchange.clientIp = address;
    const verdict = verdictOf(this.#middleware, exchange);
    if (verdict === undefined) return "";
    assert.ok("failure" in verdict);
    assert.equal(exchange.failure, "ADDRESS_DENIED");
    return verdict.failure;
  }

  mayCome(address: string): boolean {
    return this.ask(address) === "";
  }
}

test("only those who are allowed may come, whatever else is wrong", () => {
  const trial = new Trial({ allow: listOf("10.0.0.0/8", "2001:db8::/32") });
  for (const address of ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::9"])
    assert.ok(trial.mayCome(address), address);
  const strangers = [
    "11.0.0.1",
    "2001:db9::1",
    "::1",
    "",
    "unix:",
    "x",
    "10.0.0.1%lo",
    "010.0.0.1",
  ];
  // Another way to an allowed address is no proof that somebody is there.
  strangers.push("2002:0a01:0203::1", "::10.1.2.3");
  for (const address of strangers) assert.ok(!trial.mayCome(address), address);
});

test("who is denied stays out, by every way to the address", () => {
  const trial = new Trial({ allow: listOf("0.0.0.0/0", "::/0"), deny: listOf("192.0.2.0/24") });
  for (const address of [
    ...["192.0.2.7", "::ffff:192.0.2.7", "2002:c000:207::1", "64:ff9b::192.0.2.7"],
    ...["::192.0.2.7", "2001:0:4136:e378:8000:63bf:3fff:fdf8", "garbage", ""],
  ])
    assert.ok(!trial.mayCome(address), address);
  for (const address of ["192.0.3.1", "2001:db8::1"]) assert.ok(trial.mayCome(address), address);
});

test("what is no address is refused, also where nobody but a few is denied", () => {
  const trial = new Trial({ deny: listOf("192.0.2.0/24") });
  for (const text of [
    "",
    "unix:",
    "garbage",
    "192.0.2",
    "1.2.3.4.5",
    ":::",
    "::1::",
    "x".repeat(9999),
  ])
    assert.ok(!trial.mayCome(text), text.slice(0, 20));
  assert.ok(trial.mayCome("198.51.100.1"));
});

test("exceptions are for deny alone", () => {
  const trial = new Trial({
    ...{ allow: listOf("10.0.0.0/8"), deny: listOf("10.1.0.0/16") },
    except: listOf("10.1.1.1", "192.0.2.1"),
  });
  assert.deepEqual(
    ["10.1.1.1", "10.1.1.2", "10.2.0.0", "192.0.2.1"].map((each) => trial.mayCome(each)),
    [true, false, true, false],
  );
});

test("the peer's address counts where that is said", () => {
  const trial = new Trial({ of: "peer", allow: listOf("10.0.0.1") });
  assert.equal(trial.ask("192.0.2.1", "10.0.0.1"), "");
  assert.equal(trial.ask("10.0.0.1", "192.0.2.1"), "ADDRESS_DENIED");
});

test("a document counts as it is now", () => {
  const trial = new Trial({ deny: fromDocument() });
  assert.ok(trial.mayCome("192.0.2.1"));
  assert.match(trial.warnings[0] ?? "", /never be had/);
  trial.document = { text: "192.0.2.0/24\n", version: "1" };
  assert.ok(!trial.mayCome("192.0.2.1"));
  trial.document = { text: '["198.51.100.0/24"]', version: "2" };
  assert.ok(trial.mayCome("192.0.2.1"));
  assert.ok(!trial.mayCome("198.51.100.1"));
});

test("without its document a list is closed as said, or as built in", () => {
  const strict = new Trial({ deny: fromDocument(), missing: "deny" });
  assert.ok(!strict.mayCome("192.0.2.1"));
  strict.document = { text: "10.0.0.0/8", version: "1" };
  assert.ok(strict.mayCome("192.0.2.1"));
  assert.ok(!new Trial({ allow: fromDocument() }).mayCome("192.0.2.1"));
  const builtIn = new Trial({ allow: fromDocument(["192.0.2.0/24"]) });
  assert.ok(builtIn.mayCome("192.0.2.1"));
  builtIn.document = { text: "198.51.100.0/24", version: "1" };
  assert.ok(!builtIn.mayCome("192.0.2.1"));
});

test("404 looks as if nothing were there", () => {
  const trial = new Trial({ allow: listOf("10.0.0.1"), status: 404 });
  assert.equal(trial.ask("10.0.0.2"), "NO_ROUTE");
});
