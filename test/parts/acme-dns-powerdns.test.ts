// Proofs by the API of a real PowerDNS.

import assert from "node:assert/strict";
import { test } from "node:test";
import { dnsProviderOf } from "../../src/acme/dns/registry.ts";
import type { DnsApiSettings } from "../../src/config/acme-settings.ts";
import { servedBy, startAcmeProgram } from "../harness/acme-program.ts";
import { eventually } from "../harness/barrier.ts";
import { needs } from "../harness/needs.ts";
import { pdnsNeeds, type PowerDns, startPdns } from "../harness/pdns.ts";
import { pebbleNeeds, startPebble } from "../harness/pebble.ts";

const skip = needs(...pdnsNeeds, ...pebbleNeeds);
const challenge = "_acme-challenge.example.test";

function settingsFor({ url, token }: PowerDns, more: Partial<DnsApiSettings> = {}): DnsApiSettings {
  return { kind: "powerdns", url, token, ca: undefined, place: "t.yaml:1:1", ...more };
}

test(
  "PowerDNS: a record is set beside others and removed alone, in the right zone",
  { skip, timeout: 60_000 },
  async ({ signal }) => {
    const zones = {
      "example.test": { [challenge]: ['"theirs"', '"in two " "parts"'], "b.example.test": ['"b"'] },
      "deep.example.test": {},
    };
    await using pdns = await startPdns(zones);
    const provider = dnsProviderOf(settingsFor(pdns));
    // At once: each change writes back what is there.
    const values = ["one", "two", "two", "three"];
    await Promise.all(values.map((each) => provider.set(challenge, each, signal)));
    const others = ["in two parts", "theirs"];
    assert.deepEqual(await pdns.texts(challenge), [
      "in two parts",
      "one",
      "theirs",
      "three",
      "two",
    ]);
    for (const each of values) await provider.remove(challenge, each, signal);
    assert.deepEqual(await pdns.texts(challenge), others);
    assert.deepEqual(await pdns.texts("b.example.test"), ["b"]);
    const deep = "_acme-challenge.a.deep.example.test";
    await provider.set(deep, "v", signal);
    assert.deepEqual(await pdns.texts(deep), ["v"]);
    await provider.remove(deep, "v", signal);
    assert.deepEqual(await pdns.texts(deep), []);
    await provider.set("deep.example.test", "top", signal);
    assert.deepEqual(await pdns.texts("deep.example.test"), ["top"]);

    const strange = provider.set("_acme-challenge.else.where", "v", signal);
    await assert.rejects(
      strange,
      /^DnsTrouble: PowerDNS at \S+ has no zone for _acme-challenge\.else/,
    );
    const wrong = dnsProviderOf(settingsFor(pdns, { token: "wrong-key-0815" }));
    await assert.rejects(wrong.set(challenge, "v", signal), ({ message }: Error) => {
      assert.match(message, /refuses our token \(401\).*api-key; see t\.yaml:1:1$/);
      return !message.includes("0815");
    });
    await pdns.kill();
    const gone = provider.set(challenge, "v", signal);
    await assert.rejects(gone, /cannot ask PowerDNS at \S+: nobody listens there; is it running\?/);
  },
);

test(
  "PowerDNS takes changes by messages of the DNS, too",
  { skip, timeout: 60_000 },
  async ({ signal }) => {
    await using pdns = await startPdns({ "example.test": { [challenge]: ['"theirs"'] } });
    const [host = "", port] = pdns.address.split(":");
    const key = { name: "tidegate", algorithm: "hmac-sha256", secret: pdns.secret } as const;
    const common = { kind: "rfc2136", host, port: Number(port), zone: undefined } as const;
    const provider = dnsProviderOf({ ...common, key, place: "t.yaml:1:1" });
    for (const each of ["one", "two", "two"]) await provider.set(challenge, each, signal);
    assert.deepEqual(await pdns.texts(challenge), ["one", "theirs", "two"]);
    await provider.remove(challenge, "one", signal);
    assert.deepEqual(await pdns.texts(challenge), ["theirs", "two"]);
    // It does not say which of the three it is.
    for (const wrong of [{ name: "nobody" }, { secret: "AAAA" }]) {
      const other = dnsProviderOf({ ...common, key: { ...key, ...wrong }, place: "t.yaml:1:1" });
      const message =
        /does not take what is signed by the key \w+ \(NOTAUTH\); name, algorithm and/;
      await assert.rejects(other.set(challenge, "v", signal), message);
    }
    const strange = provider.set("_acme-challenge.else.where", "v", signal);
    await assert.rejects(strange, /has no zone for _acme-challenge\.else\.where/);
  },
);

test(
  "the program has a certificate for a wildcard and its name by PowerDNS",
  { skip, timeout: 90_000 },
  async () => {
    await using pdns = await startPdns({ "example.test": { [challenge]: ['"theirs"'] } });
    await using pebble = await startPebble({ nameServer: pdns.address });
    const dns = {
      powerdns: { url: `${pdns.url}/`, tokenEnv: "TIDEGATE_TEST_TOKEN" },
      ...{ resolvers: [pdns.address], wait: "20s" },
    };
    const routes = { all: ["example.test", "*.example.test"] };
    await using program = await startAcmeProgram(
      pebble,
      { routes, acme: { challenges: ["dns-01"], dns } },
      { env: { TIDEGATE_TEST_TOKEN: pdns.token } },
    );
    const port = program.tidegate.port("secure");
    const found = await servedBy(port, "a.example.test", /CN=Pebble Intermediate/);
    assert.match(found.subjectAltName ?? "", /DNS:\*\.example\.test/);
    await eventually(
      "what was set to be gone",
      async () => ((await pdns.texts(challenge)).join() === "theirs" ? true : undefined),
      15_000,
    );
  },
);
