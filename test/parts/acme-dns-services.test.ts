// Changes of the DNS by APIs of services. These are ours, written by their documentation: nobody of the project has an account there.

import assert from "node:assert/strict";
import { test } from "node:test";
import { dnsProviderOf } from "../../src/acme/dns/registry.ts";
import { dnsChangeLimits } from "../../src/config/acme-limits.ts";
import type { DnsApiSettings } from "../../src/config/acme-settings.ts";
import { type Mishap, serviceKinds, startDnsServices } from "../harness/dns-services.ts";
import { needs } from "../harness/needs.ts";

const bounded = { skip: needs("openssl"), timeout: 60_000 };
const challenge = "_acme-challenge.www.example.test";
const zones = { "example.test": { [challenge]: "theirs" }, "deep.example.test": {} };

for (const kind of serviceKinds) {
  const settingsOf = (
    { url, ca, token }: Awaited<ReturnType<typeof startDnsServices>>,
    more: Partial<DnsApiSettings> = {},
  ): DnsApiSettings => ({ kind, url: url(kind), token, ca, place: "t.yaml:1:1", ...more });

  test(
    `${kind}: a record is set beside others and removed alone, in the right zone`,
    bounded,
    async ({ signal }) => {
      await using services = await startDnsServices(zones);
      const provider = dnsProviderOf(settingsOf(services));
      const texts = (name: string) => services.texts(kind, name).toSorted();
      await Promise.all(["one", "two", "two"].map((each) => provider.set(challenge, each, signal)));
      assert.deepEqual(texts(challenge), ["one", "theirs", "two"]);
      await provider.remove(challenge, "one", signal);
      await provider.remove(challenge, "one", signal);
      assert.deepEqual(texts(challenge), ["theirs", "two"]);
      // The longest name of a zone that fits; also one whose top an alias leads to.
      for (const name of ["_acme-challenge.a.deep.example.test", "deep.example.test"]) {
        await provider.set(name, "v", signal);
        assert.deepEqual(texts(name), ["v"]);
        await provider.remove(name, "v", signal);
        assert.deepEqual(texts(name), []);
      }
      const strange = provider.set("_acme-challenge.else.where", "v", signal);
      await assert.rejects(strange, / has no zone for _acme-challenge\.else\.where; /);
    },
  );

  test(`${kind}: what is passing is tried again, and does no harm`, bounded, async ({ signal }) => {
    await using services = await startDnsServices(zones);
    const provider = dnsProviderOf(settingsOf(services));
    // At each question in turn.
    await provider.set(challenge, "v", signal);
    const questions = services.asked.length;
    const passing: readonly Mishap[] = [
      "cut",
      { status: 503, body: "<html>" },
      { status: 429, headers: { "retry-after": "0" }, body: "" },
      "lost",
    ];
    for (let at = 0; at < questions; at += 1) {
      const value = `v${at}`;
      const before = Array.from({ length: at }, () => "none" as const);
      services.mishaps.push(...before, passing[at % passing.length] ?? "cut");
      await provider.set(challenge, value, signal);
      assert.equal(services.texts(kind, challenge).filter((each) => each === value).length, 1);
      await provider.remove(challenge, value, signal);
    }
    assert.deepEqual(services.texts(kind, challenge), ["theirs", "v"]);
  });

  test(`${kind}: whatever else it says ends it, with a sentence`, bounded, async ({ signal }) => {
    await using services = await startDnsServices(zones);
    const provider = dnsProviderOf(settingsOf(services));
    const large = "x".repeat(dnsChangeLimits.answerBytes + 1);
    const cases: readonly [Mishap, RegExp][] = [
      [{ status: 302, headers: { location: "https://other/" }, body: "" }, /sends us elsewhere/],
      [{ status: 400, body: `{"message":"a ${services.token}\\n\\u0007b"}` }, /: a … b$/],
      [{ status: 200, body: large }, /answered with more than 32MiB/],
      [
        { status: 429, headers: { "retry-after": "86400" }, body: "" },
        /is asked too often \(429\)/,
      ],
    ];
    for (const [mishap, message] of cases) {
      services.mishaps.push(mishap);
      await assert.rejects(provider.set(challenge, "v", signal), message);
      assert.equal(services.mishaps.length, 0);
    }
    const wrong = dnsProviderOf(settingsOf(services, { token: "wrong-token-0815" }));
    await assert.rejects(wrong.set(challenge, "v", signal), ({ message }: Error) => {
      assert.match(message, /refuses our token \(40[13]\): .*; it .*; see t\.yaml:1:1$/);
      return !message.includes("0815");
    });
    const strange = dnsProviderOf(settingsOf(services, { ca: undefined }));
    await assert.rejects(strange.set(challenge, "v", signal), /its certificate is not trusted/);
    assert.deepEqual(services.texts(kind, challenge), ["theirs"]);
  });
}
