// What is looked at on an island (`dns-island.ts`): whether a proof in the DNS is waited for until all name servers of its zone show it,
// which are found by the system's resolver. Ends with 0 when all went well.

import assert from "node:assert/strict";
import { setRecords } from "../../src/acme/dns-proof.ts";
import { dnsProviderOf } from "../../src/acme/dns/registry.ts";
import type { DnsProviderSettings } from "../../src/config/acme-settings.ts";
import { servedBy, startAcmeProgram } from "./acme-program.ts";
import { eventually } from "./barrier.ts";
import { type Named, startNamed } from "./named.ts";
import { startPebble } from "./pebble.ts";

const port = 53;
const servers = { "ns1.servers": "127.0.0.1", "ns2.servers": "127.0.0.2" };
const { signal } = new AbortController();

function settingsFor({ secret }: Named, host: string): DnsProviderSettings {
  const key = { name: "tidegate", algorithm: "hmac-sha256", secret } as const;
  return { kind: "rfc2136", host, port, key, zone: undefined, place: "here" };
}

/** Two servers that do not copy from each other: each shows a record when it is told to. */
async function lookAtAll(): Promise<void> {
  const zones = { "example.test": "", "top.test": "" };
  await using first = await startNamed({ zones, servers, port });
  await using second = await startNamed({ zones, servers, port, address: "127.0.0.2" });
  const [one, other] = [
    dnsProviderOf(settingsFor(first, "127.0.0.1")),
    dnsProviderOf(settingsFor(second, "127.0.0.2")),
  ];
  // The second name is the top of a zone.
  for (const name of ["_acme-challenge.a.example.test", "top.test"]) {
    let isSeen = false;
    const settings = { provider: settingsFor(first, "127.0.0.1"), resolvers: [], wait: 60_000 };
    const began = performance.now();
    const waiting = setRecords(one, [{ name, value: "v" }], settings, signal).then(
      () => (isSeen = true),
    );
    await eventually(
      "the second server to be asked",
      () => second.asked().includes(`TXT ${name}`) || undefined,
      10_000,
    );
    assert.ok(first.asked().includes(`TXT ${name}`));
    assert.equal(isSeen, false);
    await other.set(name, "v", signal);
    await waiting;
    assert.ok(performance.now() - began < 30_000, "it was seen, and not given up");
  }
  await second.kill();
  // One that is gone is waited for, and not for ever.
  const settings = { provider: settingsFor(first, "127.0.0.1"), resolvers: [], wait: 1000 };
  await setRecords(one, [{ name: "_acme-challenge.b.example.test", value: "v" }], settings, signal);
}

/** The program is told nothing of who is to be asked. */
async function runProgram(): Promise<void> {
  const server = { "ns1.servers": "127.0.0.1" };
  await using named = await startNamed({ zones: { "example.test": "" }, servers: server, port });
  await using pebble = await startPebble({ nameServer: named.address });
  const key = { name: "tidegate", secretFile: "{folder}/key" };
  const acme = {
    challenges: ["dns-01"],
    dns: { rfc2136: { server: "ns1.servers", key }, wait: "60s" },
  };
  const began = performance.now();
  await using program = await startAcmeProgram(
    pebble,
    { routes: { all: ["a.example.test"] }, acme },
    { files: { key: named.secret } },
  );
  await servedBy(program.tidegate.port("secure"), "a.example.test", /CN=Pebble Intermediate/);
  assert.ok(performance.now() - began < 40_000, "it was seen, and not given up");
  assert.ok(named.asked().includes("NS example.test"));
}

switch (process.argv[2]) {
  case "servers":
    await lookAtAll();
    break;
  case "program":
    await runProgram();
    break;
  default:
    throw new Error("say what is to be looked at");
}
