// Proofs in the DNS against real name servers: where the record has to be, and when it is to be seen there.

import assert from "node:assert/strict";
import { test } from "node:test";
import { dnsProviderOf } from "../../src/acme/dns/registry.ts";
import { recordFor, setRecords } from "../../src/acme/dns-proof.ts";
import type { DnsSettings } from "../../src/config/acme-settings.ts";
import { within } from "../harness/barrier.ts";
import { needs } from "../harness/needs.ts";
import { pebbleNeeds, startPebble } from "../harness/pebble.ts";

const bounded = { skip: needs(...pebbleNeeds), timeout: 60_000 };

test(
  "a record is set where its name leads to, and seen before the authority is told",
  bounded,
  async ({ signal }) => {
    await using pebble = await startPebble();
    const settings: DnsSettings = {
      provider: { kind: "hook", command: ["/bin/true"] },
      resolvers: [pebble.nameServer],
      wait: 20_000,
    };
    const name = "_acme-challenge.alias.test";
    assert.deepEqual(await recordFor(name, "v", settings, signal), { name, value: "v" });
    await pebble.dns("set-cname", { host: `${name}.`, target: "One.elsewhere.test." });
    await pebble.dns("set-cname", { host: "one.elsewhere.test.", target: "two.elsewhere.test." });
    const record = await recordFor(name, "v", settings, signal);
    assert.deepEqual(record, { name: "two.elsewhere.test", value: "v" });
    // One that leads to itself comes to an end.
    await pebble.dns("set-cname", { host: "loop.test.", target: "loop.test." });
    assert.equal((await recordFor("loop.test", "v", settings, signal)).name, "loop.test");

    let isSeen = false;
    const provider = dnsProviderOf(settings.provider);
    const waiting = setRecords(provider, [record], settings, signal).then(() => (isSeen = true));
    await pebble.dns("set-txt", { host: "two.elsewhere.test.", value: "other" });
    assert.equal(isSeen, false);
    await pebble.dns("set-txt", { host: "two.elsewhere.test.", value: "v" });
    await waiting;
    // Whoever never shows it is not waited for for ever.
    const hidden = { name: "never.test", value: "v" };
    await setRecords(provider, [hidden], { ...settings, wait: 300 }, signal);
    // Nor is one that does not answer, when the program ends.
    const ending = new AbortController();
    const dead = { ...settings, resolvers: ["127.0.0.1:1"] };
    const asking = recordFor(name, "v", dead, ending.signal);
    ending.abort();
    await within(
      asking.catch(() => undefined),
      2000,
      "the end of the question",
    );
  },
);
