// Documents of routes from a real web server: fetched again when they may have changed, refused when they are
// none or not signed, and kept in use while the server is away. The last part is the whole program.

import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { ask } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { certificates } from "../harness/certificates.ts";
import { LiveOrigin } from "../harness/live-origin.ts";
import { needs } from "../harness/needs.ts";
import { startTidegate } from "../harness/tidegate.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { commonSettings, watchSource } from "../harness/watched-source.ts";
import type { HttpSettings } from "../../src/config/source-settings.ts";
import { httpSource } from "../../src/providers/http/http.ts";

const type = "application/json";

function watchDocument(url: string, changes: Partial<HttpSettings> = {}) {
  const settings: HttpSettings = {
    ...commonSettings,
    kind: "http",
    url,
    every: 50,
    headers: {},
    tls: undefined,
    publicKey: undefined,
    ...changes,
  };
  return watchSource((log) => httpSource(settings, { log }));
}

function documentFor(...hosts: readonly string[]): string {
  const routes = hosts.map((host) => [host, { host, service: "http://127.0.0.1:1" }] as const);
  return JSON.stringify({ routes: Object.fromEntries(routes) });
}

/** Answers as the test last said. */
async function webServer(first: RequestListener) {
  const state = { answer: first, asked: [] as IncomingMessage[] };
  const server = createServer((request, response) => {
    state.asked.push(request);
    state.answer(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    state,
    port,
    url: `http://127.0.0.1:${port}/routes`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

const told = ({ troubles }: { troubles: readonly (string | undefined)[] }) =>
  troubles.at(-1) !== undefined;
const well = ({ troubles }: { troubles: readonly (string | undefined)[] }) =>
  troubles.at(-1) === undefined;

test("a document is only read again when it has changed", { timeout: 30_000 }, async () => {
  let version = 1;
  let unchanged = 0;
  await using server = await webServer(({ headers }, response) => {
    const tag = `"v${version}"`;
    response.setHeader("ETag", tag).setHeader("Last-Modified", "Sat, 21 Nov 2026 10:00:00 GMT");
    if (headers["if-none-match"] === tag) {
      unchanged++;
      response.writeHead(304).end();
    } else {
      response.setHeader("Content-Type", type).end(documentFor("a.test", `v${version}.test`));
    }
  });
  await using watch = watchDocument(`${server.url}?key=s3cret`, {
    headers: { Authorization: "Bearer s3cret" },
  });
  await watch.until("the first", () => watch.routes().includes("v1.test"));
  await eventually("answers that nothing changed", () => (unchanged >= 3 ? true : undefined));
  assert.equal(watch.words.length, 1);
  const [first, second] = server.state.asked;
  assert.equal(first?.url, "/routes?key=s3cret");
  assert.equal(first?.headers.authorization, "Bearer s3cret");
  assert.equal(first?.headers["if-none-match"], undefined);
  assert.equal(second?.headers["if-modified-since"], "Sat, 21 Nov 2026 10:00:00 GMT");
  const before = watch.words[0]?.collection.routes[0];
  version = 2;
  await watch.until("the second", () => watch.routes().includes("v2.test"));
  assert.deepEqual(watch.routes(), ["a.test", "v2.test"]);
  assert.equal(watch.words.at(-1)?.collection.routes[0], before);
});

test("an answer that is no document takes nothing away", { timeout: 60_000 }, async (context) => {
  const good: RequestListener = (_, response) => {
    response.setHeader("Content-Type", "text/plain").end("routes:\n  a.test: http://127.0.0.1:1\n");
  };
  await using server = await webServer((_, response) => {
    response.end(documentFor("a.test"));
  });
  const url = `${server.url}?key=s3cret`;
  await using watch = watchDocument(url, { headers: { "X-Key": "s3cret" } });
  await watch.until("the route", () => watch.routes().join() === "a.test");
  const shown = server.url.replaceAll(".", "\\.");
  const bad: readonly (readonly [string, RequestListener, string])[] = [
    ["a failure", (_, r) => r.writeHead(500).end(documentFor()), "answered 500"],
    ["a refusal", (_, r) => r.writeHead(403).end(), "answered 403; see `headers`"],
    ["an error that says 200", (_, r) => r.end('{"error":"x"}'), "has none of routes"],
    ["nothing", (_, r) => r.end(), "is empty"],
    [
      "a page",
      (_, r) => r.setHeader("Content-Type", "text/html").end("<a>"),
      "is a page for humans",
    ],
    [
      "something compressed",
      (_, r) => r.setHeader("Content-Encoding", "gzip").end("x"),
      "is compressed",
    ],
    [
      "somebody else's address",
      (_, r) => r.writeHead(302, { Location: "http://127.0.0.1:9/s3cret?s3cret" }).end(),
      "leads on to http://127.0.0.1:9/",
    ],
    [
      "its own address",
      (_, r) => r.writeHead(302, { Location: "?s3cret" }).end(),
      "leads on and on",
    ],
    ["nowhere", (_, r) => r.writeHead(307).end(), "leads on|did not say where to|leads on and on"],
  ];
  for (const [what, answer, says] of bad) {
    await context.test(what, async () => {
      server.state.answer = answer;
      await watch.until("the trouble", told);
      const trouble = watch.troubles.at(-1) ?? "";
      assert.match(trouble, new RegExp(`^the document at ${shown} .*(${says})`));
      assert.doesNotMatch(trouble.replace("9/s3cret", ""), /s3cret/);
      assert.deepEqual(watch.routes(), ["a.test"]);
      server.state.answer = good;
      await watch.until("its end", well);
    });
  }
  await context.test("a document that is cut off", async () => {
    server.state.answer = (_, response) => {
      response.setHeader("Content-Length", 1000);
      response.write(documentFor("cut.test"), () => response.destroy());
    };
    await watch.until("the trouble", told);
    assert.match(
      watch.troubles.at(-1) ?? "",
      /^cannot ask http:\/\/127.0.0.1:\d+\/routes: it (broke|ended)|aborted/,
    );
    server.state.answer = good;
    await watch.until("its end", well);
    assert.deepEqual(watch.routes(), ["a.test"]);
  });
});

test(
  "a server that does not like its own ETag is asked without it",
  { timeout: 30_000 },
  async () => {
    let tag = '"short"';
    let conditions = 0;
    await using server = await webServer(({ headers }, response) => {
      if (headers["if-none-match"] !== undefined) {
        conditions++;
        response.writeHead(400).end();
      } else {
        response.setHeader("ETag", tag).end(documentFor(`v${conditions}.test`));
      }
    });
    await using watch = watchDocument(server.url);
    await watch.until("the second", () => watch.routes().includes("v1.test"));
    await watch.until("the end of the trouble", well);
    // One that is too long for any server is not sent back at all.
    tag = `"${"x".repeat(10_000)}"`;
    await eventually("it", () => (server.state.asked.length > 5 ? true : undefined));
    const before = conditions;
    const { length } = server.state.asked;
    await eventually("some more", () =>
      server.state.asked.length > length + 5 ? true : undefined,
    );
    assert.ok(conditions <= before + 1, `${before} ${conditions}`);
  },
);

test("one bad entry is named, and the others count", { timeout: 30_000 }, async () => {
  const bad = '{"routes":{"a":{"host":"a.test","whoami":true},"b":{"hots":"x"},"c":5},"more":1}';
  await using server = await webServer((_, response) => void response.end(bad));
  await using watch = watchDocument(server.url);
  await watch.until("the word", ({ words }) => words.length > 0);
  assert.deepEqual(watch.routes(), ["a"]);
  const notes = watch.notes().join("\n");
  assert.match(notes, /not routed: routes "b": hots: unknown key "hots"/);
  assert.match(notes, /not routed: routes "c"/);
  assert.match(notes, /reading: more: is none of routes/);
});

test("redirects are followed on the same server", { timeout: 30_000 }, async () => {
  await using server = await webServer((request, response) => {
    const isThere = request.url === "/new?x=1";
    if (isThere) response.end(documentFor("a.test"));
    else response.writeHead(301, { Location: "/new?x=1" }).end();
  });
  await using watch = watchDocument(server.url, { headers: { Authorization: "Bearer x" } });
  await watch.until("the route", () => watch.routes().join() === "a.test");
  assert.equal(server.state.asked[1]?.headers.authorization, "Bearer x");
});

test(
  "with a key, only what was signed with its other half counts",
  { timeout: 30_000 },
  async () => {
    const ours = generateKeyPairSync("ed25519");
    const other = generateKeyPairSync("ed25519");
    const signed =
      (text: string, pair: typeof ours, sent = text): RequestListener =>
      (_, response) => {
        const signature = sign(null, Buffer.from(text), pair.privateKey).toString("base64");
        response.setHeader("Signature", `ed25519=${signature}`).end(sent);
      };
    await using server = await webServer(signed(documentFor("a.test"), ours));
    const publicKey = ours.publicKey.export({ type: "spki", format: "pem" }).toString();
    await using watch = watchDocument(server.url, { publicKey });
    await watch.until("the route", () => watch.routes().join() === "a.test");
    const evil = documentFor("evil.test");
    for (const [answer, says] of [
      [((_, response) => void response.end(evil)) satisfies RequestListener, /is not signed/],
      [signed(evil, other), /is signed with another key, or was changed on its way/],
      [signed(documentFor("a.test"), ours, evil), /was changed on its way/],
    ] as const) {
      server.state.answer = answer;
      await watch.until("the trouble", () => says.test(watch.troubles.at(-1) ?? ""));
      assert.deepEqual(watch.routes(), ["a.test"]);
    }
    server.state.answer = signed(documentFor("b.test"), ours);
    await watch.until("the next one", () => watch.routes().join() === "b.test");
  },
);

test(
  "over TLS, with a certificate of our own",
  { skip: needs("openssl"), timeout: 30_000 },
  async () => {
    const { ca, cert, key } = await certificates();
    const options = { ca, cert, key, requestCert: true, rejectUnauthorized: true };
    const server = createTlsServer(
      options,
      (_, response) => void response.end(documentFor("a.test")),
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    await using _ = {
      async [Symbol.asyncDispose]() {
        server.close();
        server.closeAllConnections();
        await once(server, "close");
      },
    };
    const url = `https://localhost:${(server.address() as AddressInfo).port}/`;
    await using watch = watchDocument(url, { tls: { ca, certificate: cert, key } });
    await watch.until("the route", () => watch.routes().join() === "a.test");
    await using untrusted = watchDocument(url);
    await untrusted.until("the trouble", told);
    assert.match(untrusted.troubles[0] ?? "", /its certificate is not trusted .*`tls\.ca`/);
    await using nobody = watchDocument(url, {
      tls: { ca, certificate: undefined, key: undefined },
    });
    await nobody.until("the trouble", told);
    assert.match(nobody.troubles[0] ?? "", /client certificate/);
  },
);

test(
  "the program serves what the document says, also while its server is away",
  { timeout: 60_000 },
  async () => {
    await using first = await LiveOrigin.start("first");
    await using second = await LiveOrigin.start("second");
    await using source = await LiveOrigin.start("source");
    const pair = generateKeyPairSync("ed25519");
    await using folder = await tempFolder();
    const publicKey = folder.file("key.pem");
    await writeFile(publicKey, pair.publicKey.export({ type: "spki", format: "pem" }));
    const serve = (text: string) => {
      const signature = sign(null, Buffer.from(text), pair.privateKey).toString("base64");
      const headers = { "Content-Type": "application/yaml", Signature: `ed25519=${signature}` };
      source.answer = () => ({ headers, body: text });
    };
    serve(`routes:\n  app: { host: app.test, service: pool }\nservices:\n  pool: [${first.url}]\n`);
    await using program = await startTidegate({
      config: {
        listeners: { web: "127.0.0.1:0" },
        providers: {
          http: { url: `${source.url}/routes.yaml?key=s3cret`, every: "1s", publicKey },
        },
      },
      workers: 2,
    });
    const origin = async (name: string) => {
      const { status, headers } = await ask(program.port(), { name });
      const found = headers.find(([field]) => field.toLowerCase() === "x-origin");
      return status === 200 ? found?.[1] : String(status);
    };
    // What is served when it has started is what the document says.
    assert.equal(await origin("app.test"), "first");
    serve(
      `routes:\n  app: { host: app.test, service: ${second.url} }\n  b: { host: b.test, service: ${first.url} }\n`,
    );
    // Both workers go over, one a moment after the other.
    const changed = async () => {
      const all = await Promise.all(Array.from({ length: 8 }, () => origin("b.test")));
      return all.every((each) => each === "first") ? true : undefined;
    };
    await eventually("the change", changed);
    await source.kill();
    await program.waitForLog(/nobody listens there/);
    assert.equal(await origin("app.test"), "second");
    // Whoever starts while it is away goes by what it said last.
    await program.stop();
    await using again = await program.startAgain();
    assert.equal((await ask(again.port(), { name: "b.test" })).status, 200);
    await source.revive();
    serve("routes: {}\n");
    const gone = async () =>
      (await ask(again.port(), { name: "b.test" })).status === 404 ? true : undefined;
    await eventually("the end of all routes", gone, 10_000);
    assert.doesNotMatch(`${program.stdout()}${program.stderr()}${again.stderr()}`, /s3cret/);
  },
);
