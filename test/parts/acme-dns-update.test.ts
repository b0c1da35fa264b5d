// Proofs by changes of the DNS itself (RFC 2136), with a real named: what it answers to every kind of mistake, and certificates that
// the program has by them.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { test } from "node:test";
import { updateProvider } from "../../src/acme/dns/rfc2136.ts";
import {
  type TsigKey,
  tsigAlgorithms,
  type UpdateSettings,
} from "../../src/config/acme-settings.ts";
import { certificateRows, servedBy, startAcmeProgram } from "../harness/acme-program.ts";
import { eventually, signal as signalOf, within } from "../harness/barrier.ts";
import { type Named, namedNeeds, startNamed } from "../harness/named.ts";
import { needs } from "../harness/needs.ts";
import { pebbleNeeds, startPebble } from "../harness/pebble.ts";

const skip = needs(...namedNeeds, ...pebbleNeeds);
const bounded = { skip, timeout: 60_000 };
const ofPebble = /CN=Pebble Intermediate/;
const challenge = "_acme-challenge.example.test";

type Wishes = Partial<Omit<UpdateSettings, "key">> & { readonly key?: Partial<TsigKey> };

function settingsFor({ port, secret }: Named, { key, ...more }: Wishes = {}): UpdateSettings {
  return {
    ...{ kind: "rfc2136", host: "127.0.0.1", port, zone: undefined, place: "t.yaml:1:1" },
    key: { name: "tidegate", algorithm: "hmac-sha256", secret, ...key },
    ...more,
  };
}

for (const algorithm of tsigAlgorithms) {
  test(
    `a record is set beside others, and removed alone, signed by ${algorithm}`,
    bounded,
    async ({ signal }) => {
      const zones = { "example.test": `${challenge}. TXT "theirs"`, "deep.example.test": "" };
      await using named = await startNamed({ zones, algorithm });
      const provider = updateProvider(settingsFor(named, { key: { algorithm } }));
      for (const value of ["one", "two", "two"]) await provider.set(challenge, value, signal);
      assert.deepEqual(await named.texts(challenge), ["one", "theirs", "two"]);
      await provider.remove(challenge, "one", signal);
      await provider.remove(challenge, "never was", signal);
      assert.deepEqual(await named.texts(challenge), ["theirs", "two"]);
      // The zone above has the name, too, and nobody would see it there.
      const deep = "_acme-challenge.a.deep.example.test";
      await provider.set(deep, "x".repeat(300), signal);
      assert.deepEqual(await named.texts(deep), ["x".repeat(300)]);
      // An alias may lead to the top of a zone.
      const said = updateProvider(settingsFor(named, { key: { algorithm }, zone: "example.test" }));
      await said.set("example.test", "top", signal);
      assert.deepEqual(await named.texts("example.test"), ["top"]);
    },
  );
}

test("what is wrong with the key, the clock or the zone is said", bounded, async ({ signal }) => {
  const zones = { "example.test": "", "closed.test": "" };
  await using named = await startNamed({ zones, closed: ["closed.test"] });
  const other = Buffer.from("another secret").toString("base64");
  const hour = 3_600_000;
  const cases: readonly [Wishes, string, RegExp, number?][] = [
    [
      { key: { secret: other } },
      challenge,
      /has another secret for the key tidegate.*t\.yaml:1:1$/,
    ],
    [{ key: { name: "nobody" } }, challenge, /knows no key nobody for hmac-sha256/],
    [{ key: { algorithm: "hmac-sha512" } }, challenge, /knows no key tidegate for hmac-sha512/],
    [
      {},
      "_acme-challenge.closed.test",
      /refuses changes of the zone closed\.test by the key tideg/,
    ],
    [{}, "_acme-challenge.else.where", /has no zone for _acme-challenge\.else\.where/],
    [{ zone: "closed.test" }, challenge, /example\.test is not in the zone closed\.test/],
    [
      { zone: "no.test" },
      "a.no.test",
      /is not the primary server of the zone no\.test \(NOTAUTH\)/,
    ],
    [{}, challenge, /the clock of the name server \S+ is 3(599|600|601) s behind ours/, hour],
    [{}, challenge, /the clock of the name server \S+ is 3(599|600|601) s before ours/, -hour],
  ];
  for (const [wishes, name, message, shift = 0] of cases) {
    const provider = updateProvider(settingsFor(named, wishes), () => Date.now() + shift);
    await assert.rejects(provider.set(name, "v", signal), ({ message: said }: Error) => {
      assert.match(said, message);
      assert.ok(!said.includes(named.secret) && !said.includes(other));
      return true;
    });
  }
  await named.kill();
  const gone = updateProvider(settingsFor(named)).set(challenge, "v", signal);
  await assert.rejects(gone, /cannot be reached: nobody listens there; is it running\?/);
});

/** Somebody between us and a real name server. */
async function startBetween(named: Named, change: (answer: Buffer) => Buffer | undefined) {
  let count = 0;
  const server = createServer((client) => {
    count += 1;
    const upstream = connect(named.port, "127.0.0.1");
    client.on("error", () => upstream.destroy()).pipe(upstream);
    upstream.on("error", () => client.destroy());
    upstream.on("data", (bytes) => {
      const changed = change(bytes);
      if (changed === undefined) client.destroy();
      else client.write(changed);
    });
    client.on("close", () => upstream.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    connections: () => count,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, "close");
    },
  };
}

test("an answer that somebody changed is no answer", bounded, async ({ signal }) => {
  await using named = await startNamed({ zones: { "example.test": "" } });
  const flip = (at: number) => (answer: Buffer) => {
    answer.writeUInt8(answer.readUInt8(at) ^ 1, at);
    return answer;
  };
  const changes: readonly [(answer: Buffer) => Buffer | undefined, RegExp][] = [
    // Behind the length: the id, the code, the type of what is asked.
    [flip(3), /no answer of a name server/],
    [flip(5), /is not signed by the key tidegate; somebody in between/],
    [flip(20), /is not signed by the key|no answer of a name server/],
    // All records are cut off: unsigned, and as if it were done.
    [
      (answer) => {
        const end = answer.indexOf(Buffer.from("\x07example\x04test\x00")) + 14 + 4;
        const cut = Buffer.concat([Buffer.of(0, end - 2), answer.subarray(2, end)]);
        cut.fill(0, 8, 14);
        return cut;
      },
      /is not signed; does it know the key tidegate\?|no answer of a name server/,
    ],
    [() => Buffer.from([0, 3, 1, 2, 3]), /no answer of a name server/],
    [(answer) => Buffer.concat([Buffer.of(0, 12), answer.subarray(2, 14)]), /no answer of a/],
  ];
  for (const [change, message] of changes) {
    await using between = await startBetween(named, change);
    const provider = updateProvider(
      settingsFor(named, { port: between.port, zone: "example.test" }),
    );
    await assert.rejects(provider.set(challenge, "v", signal), message);
    assert.equal(between.connections(), 1, "it would say the same again");
  }
});

test("a lost answer is asked for again, and does no harm", bounded, async ({ signal }) => {
  await using named = await startNamed({ zones: { "example.test": "" } });
  let lost = 0;
  await using between = await startBetween(named, (answer) => {
    lost += 1;
    return lost === 2 ? undefined : answer;
  });
  await updateProvider(settingsFor(named, { port: between.port })).set(challenge, "v", signal);
  assert.deepEqual(await named.texts(challenge), ["v"]);
  assert.equal(between.connections(), 4);
});

test("one that never answers is not waited for when the program ends", bounded, async () => {
  await using named = await startNamed({ zones: { "example.test": "" } });
  const silence = signalOf();
  await using between = await startBetween(named, () => {
    silence.fire();
    return Buffer.alloc(0);
  });
  const ending = new AbortController();
  const provider = updateProvider(settingsFor(named, { port: between.port }));
  const asking = provider.set(challenge, "v", ending.signal);
  await silence.promise;
  ending.abort(new Error("enough"));
  await within(assert.rejects(asking, /enough/), 2000, "the end");
});

function wishesFor(named: Named, hosts: readonly string[]) {
  const key = { name: "tidegate", secretFile: "{folder}/key" };
  const dns = { rfc2136: { server: named.address, key }, resolvers: [named.address], wait: "20s" };
  return { routes: { all: hosts }, acme: { challenges: ["dns-01"], dns } };
}

const keyFile = (secret: string) =>
  `key "tidegate" {\n\talgorithm hmac-sha256;\n\tsecret "${secret}";\n};\n`;

test(
  "the program has a certificate for a wildcard and its name, and leaves nothing behind",
  { skip, timeout: 90_000 },
  async () => {
    const zones = { "example.test": `${challenge}. TXT "theirs"` };
    await using named = await startNamed({ zones });
    await using pebble = await startPebble({ nameServer: named.address });
    const wishes = wishesFor(named, ["example.test", "*.example.test"]);
    await using program = await startAcmeProgram(pebble, wishes, {
      files: { key: keyFile(named.secret) },
    });
    const found = await servedBy(program.tidegate.port("secure"), "a.example.test", ofPebble);
    assert.match(found.subjectAltName ?? "", /DNS:\*\.example\.test/);
    assert.match(found.subjectAltName ?? "", /DNS:example\.test/);
    await eventually(
      "what was set to be gone",
      async () => ((await named.texts(challenge)).join() === "theirs" ? true : undefined),
      15_000,
    );
    // Both were there at the same time, each added to what was there.
    const updates = named.log().match(/updating zone 'example\.test\/IN': adding an RR/g) ?? [];
    assert.equal(updates.length, 2);
  },
);

test(
  "where an alias leads the record is set, in a zone of its own",
  { skip, timeout: 90_000 },
  async () => {
    const zones = {
      "example.test": "_acme-challenge.www CNAME www.proofs.elsewhere.test.",
      "proofs.elsewhere.test": "",
    };
    await using named = await startNamed({ zones, closed: ["example.test"] });
    await using pebble = await startPebble({ nameServer: named.address });
    const wishes = wishesFor(named, ["www.example.test"]);
    await using program = await startAcmeProgram(pebble, wishes, {
      files: { key: `${named.secret}\n` },
    });
    await servedBy(program.tidegate.port("secure"), "www.example.test", ofPebble);
    assert.match(named.log(), /updating zone 'proofs\.elsewhere\.test\/IN': adding an RR at/);
    await eventually(
      "what was set to be gone",
      async () =>
        (await named.texts("www.proofs.elsewhere.test")).length === 0 ? true : undefined,
      15_000,
    );
  },
);

test("what the name server says is told to the operator", bounded, async () => {
  await using named = await startNamed({ zones: { "example.test": "" } });
  await using pebble = await startPebble({ nameServer: named.address });
  const wrong = Buffer.from("of somebody else").toString("base64");
  await using program = await startAcmeProgram(pebble, wishesFor(named, ["example.test"]), {
    files: { key: wrong },
  });
  const row = await eventually(
    "the order to fail",
    async () => {
      const [first] = await certificateRows(program.tidegate);
      return first?.state === "waiting" ? first : undefined;
    },
    20_000,
  );
  const said = JSON.stringify(row);
  assert.match(said, /the name server 127\.0\.0\.1:\d+ has another secret for the key tidegate/);
  const told = `${said}${program.tidegate.stdout()}${program.tidegate.stderr()}`;
  assert.ok(!told.includes(wrong));
});

test(
  "a program that is killed while its proof stands there goes on with it, and removes it",
  { skip, timeout: 90_000 },
  async () => {
    const zones = { "example.test": `${challenge}. TXT "theirs"` };
    await using named = await startNamed({ zones });
    await using pebble = await startPebble({ nameServer: named.address });
    const { routes, acme } = wishesFor(named, ["example.test"]);
    // Where it looks nobody is, so it waits.
    const blind = { ...acme.dns, resolvers: ["127.0.0.1:1"], wait: "60s" };
    await using program = await startAcmeProgram(
      pebble,
      { routes, acme: { ...acme, dns: blind } },
      { files: { key: named.secret } },
    );
    const { tidegate } = program;
    const before = await eventually(
      "the proof to stand there",
      async () => {
        const found = await named.texts(challenge);
        return found.length === 2 ? found : undefined;
      },
      20_000,
    );
    for (const pid of tidegate.pids()) process.kill(pid, "SIGKILL");
    await within(tidegate.exited, 10_000, "the program to be killed");
    assert.deepEqual(await named.texts(challenge), before);
    await tidegate.writeConfig(program.config({ routes, acme }));
    await using again = await tidegate.startAgain();
    await servedBy(again.port("secure"), "example.test", ofPebble);
    await eventually(
      "what was set to be gone",
      async () => ((await named.texts(challenge)).join() === "theirs" ? true : undefined),
      15_000,
    );
  },
);
