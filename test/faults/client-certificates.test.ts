// Certificates of clients: who has to show one, who is refused, and that there is no way around it.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { eventually, within } from "../harness/barrier.ts";
import { clientAuthority } from "../harness/client-authority.ts";
import { connect as connectPlain } from "../harness/client.ts";
import { echoOrigin } from "../harness/echo-origin.ts";
import { needs } from "../harness/needs.ts";
import { httpOrigin } from "../harness/origin.ts";
import { startPlane } from "./plane.ts";
import { handshake } from "./tls-client.ts";
import { certificateFor, credentialsOf } from "./tls-credentials.ts";

const bounded = { timeout: 20_000, skip: needs("openssl") };
const listeners = { web: { bind: "127.0.0.1:0", tls: true } };
const routes = { "*": { whoami: true } };
const credentials = credentialsOf([certificateFor(["a.test", "secret.test", "other.test"])]);
const secret = { servername: "secret.test" };

/** What comes back, its body included; "" = the connection was closed. */
async function answered(socket: TLSSocket, host: string): Promise<string> {
  socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  const end = once(socket, "close").then(() => [Buffer.alloc(0)]);
  const [bytes] = (await within(Promise.race([once(socket, "data"), end]), 5000, "an answer")) as [
    Buffer,
  ];
  return bytes.toString();
}

/** What became of a whole connection with one request. */
async function outcome(
  served: { readonly port: number },
  host: string,
  options: ConnectionOptions = {},
): Promise<string> {
  try {
    const socket = await handshake(served, { servername: host, ...options });
    socket.on("error", () => {});
    const text = await answered(socket, host);
    socket.destroy();
    return /^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? "closed";
  } catch {
    return "refused";
  }
}

const isRefused = (what: string) => assert.match(what, /^(closed|refused)$/);

test(
  "who wants certificates of clients gets them, and the backend reads them",
  bounded,
  async () => {
    await using authority = await clientAuthority();
    await using others = await clientAuthority();
    await using backend = await echoOrigin("one");
    const config = {
      listeners,
      routes: { "*": `http://127.0.0.1:${backend.port}` },
      tls: { hosts: { "secret.test": { clientAuth: { ca: authority.ca } } } },
    };
    await using plane = await startPlane(config, credentials);
    const open = await handshake(plane);
    const misled = await answered(open, "secret.test");
    assert.match(misled, /^HTTP\/1\.1 421 /, "it was not checked on this connection");
    isRefused(await outcome(plane, "secret.test"));
    assert.match(plane.told.join("\n"), /did not return a certificate/);
    isRefused(await outcome(plane, "secret.test", await others.sign("stranger")));
    const pair = await authority.sign("known");
    const known = await handshake(plane, { ...secret, ...pair });
    assert.match(await answered(known, "secret.test"), /^HTTP\/1\.1 200 /);
    const shown = new X509Certificate(pair.cert).raw.toString("base64");
    assert.deepEqual(
      backend.requests.map(({ headers }) => headers["client-cert"]),
      [`:${shown}:`],
    );
    known.destroy();
  },
);

for (const kind of ["cache", "collapse"]) {
  const name = `${kind}: what a backend answers to a certificate is for its client alone`;
  test(name, bounded, async () => {
    await using authority = await clientAuthority();
    const waiting: ServerResponse[] = [];
    await using backend = await httpOrigin((_request, response) => void waiting.push(response));
    const middlewares = { [kind]: true };
    const config = {
      ...{ listeners, tls: { clientAuth: { ca: authority.ca } } },
      routes: { "*": { service: backend.url, middlewares } },
    };
    await using plane = await startPlane(config, credentials);
    const people = [await authority.sign("alice"), await authority.sign("bob")];
    const sockets = await Promise.all(
      people.map((each) => handshake(plane, { ...secret, ...each })),
    );
    const ask = () => Promise.all(sockets.map((each) => answered(each, "secret.test")));
    for (let round = 1; round < 3; round++) {
      const answers = ask();
      await eventually("both to ask", () => waiting.length === 2 || undefined);
      for (const [number, each] of waiting.splice(0).entries()) {
        each.writeHead(200, { "Cache-Control": "max-age=60", "X-Answer": String(number) }).end();
      }
      const all = await answers;
      const numbers = all.map((each) => /^x-answer: (.*)$/im.exec(each)?.[1] ?? "");
      assert.deepEqual(
        numbers.toSorted((a, b) => a.localeCompare(b)),
        ["0", "1"],
        all.join(),
      );
    }
    for (const each of sockets) each.destroy();
  });
}

test("nobody says of himself that he showed a certificate", bounded, async () => {
  await using backend = await echoOrigin("one");
  const routes = { "*": `http://127.0.0.1:${backend.port}` };
  await using plane = await startPlane({ listeners, routes }, credentials);
  const socket = await handshake(plane);
  const claims = "Client-Cert: :AA==:\r\nclient_cert: :AA==:\r\nClient-Cert-Chain: :AA==:\r\n";
  socket.write(`GET / HTTP/1.1\r\nHost: a.test\r\n${claims}\r\n`);
  await once(socket, "data");
  const [request] = backend.requests;
  assert.ok(request);
  assert.doesNotMatch(JSON.stringify(request), /client.cert/i);
  socket.destroy();
});

test("a session that was made without the check is not resumed with it", bounded, async () => {
  await using authority = await clientAuthority();
  const tls = { hosts: { "secret.test": { clientAuth: { ca: authority.ca } } } };
  await using plane = await startPlane({ listeners, routes, tls }, credentials);
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    const open = await handshake(plane, { servername: "a.test", maxVersion });
    const tickets = maxVersion === "TLSv1.3" ? once(open, "session") : undefined;
    await answered(open, "a.test");
    await tickets;
    const session = open.getSession();
    open.destroy();
    const again = await handshake(plane, { maxVersion, session });
    assert.equal(again.isSessionReused(), true, "else nothing is tried here");
    again.destroy();
    isRefused(await outcome(plane, "secret.test", { maxVersion, session }));
  }
});

test("a host that wants certificates of clients is not served in the clear", bounded, async () => {
  await using authority = await clientAuthority();
  const tls = { hosts: { "*.secret.test": { clientAuth: { ca: authority.ca } } } };
  const proxied = { bind: "127.0.0.1:0", trustedProxies: ["127.0.0.1"] };
  const config = {
    listeners: { ...listeners, clear: { bind: "127.0.0.1:0" }, proxied },
    routes: {
      ...routes,
      "sent.secret.test": { whoami: true, redirect: "https" },
      "moved.secret.test": { redirect: "https://new.secret.test{uri}" },
    },
    tls,
  };
  await using plane = await startPlane(config, credentials);
  const inTheClear = async (listener: string, host: string) => {
    await using client = await connectPlain(plane.plane.bound[listener]?.[0]?.port ?? 0);
    await client.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    return (await client.readResponse()).status;
  };
  assert.equal(await inTheClear("clear", "a.secret.test"), 421);
  assert.equal(await inTheClear("clear", "A.SECRET.test.:80"), 421);
  assert.equal(await inTheClear("clear", "sent.secret.test"), 308);
  assert.equal(await inTheClear("clear", "moved.secret.test"), 302, "nothing is served there");
  assert.equal(await inTheClear("clear", "a.test"), 200);
  assert.equal(await inTheClear("proxied", "a.secret.test"), 200, "that proxy has checked it");
  await plane.apply({ ...config, tls: { clientAuth: { ca: authority.ca } } });
  assert.equal(await inTheClear("clear", "a.test"), 421);
});

test(
  "a host of which something else is said is checked as its listener says",
  bounded,
  async () => {
    await using authority = await clientAuthority();
    const clientAuth = { ca: authority.ca };
    const config = {
      listeners: { web: { bind: "127.0.0.1:0", tls: { clientAuth } } },
      routes,
      tls: { hosts: { "a.test": { strict: true } } },
    };
    await using plane = await startPlane(config, credentials);
    isRefused(await outcome(plane, "a.test"));
    isRefused(await outcome(plane, "other.test"));
    const known = await authority.sign("known");
    assert.equal(await outcome(plane, "a.test", known), "200");
    await plane.apply({
      ...{ listeners, routes },
      tls: { hosts: { "a.test": { strict: true }, "*.test": { clientAuth } } },
    });
    isRefused(await outcome(plane, "a.test"));
    assert.equal(await outcome(plane, "a.test", known), "200");
  },
);

test(
  "an authority that looks for its proof needs no certificate of a client",
  bounded,
  async () => {
    await using authority = await clientAuthority();
    const proof = certificateFor(["a.test"]);
    const { chain, key } = proof;
    const challenges = { http: {}, alpn: { "a.test": { chain, key } } };
    const config = { listeners, routes, tls: { clientAuth: { ca: authority.ca } } };
    await using plane = await startPlane(config, { ...credentials, challenges });
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      const socket = await handshake(plane, { ALPNProtocols: ["acme-tls/1"], maxVersion });
      assert.equal(socket.getPeerX509Certificate()?.fingerprint256, proof.id);
      assert.equal(socket.alpnProtocol, "acme-tls/1");
      const [problem] = (await within(
        Promise.race([once(socket, "end"), once(socket, "error")]),
        5000,
        "the end",
      )) as [Error | undefined];
      assert.equal(problem, undefined);
      socket.destroy();
    }
    assert.deepEqual(plane.told, []);
  },
);

test(
  "who was revoked is refused, on open connections and with sessions as well",
  bounded,
  async () => {
    await using authority = await clientAuthority();
    const [good, bad] = [await authority.sign("good"), await authority.sign("bad")];
    const { ca, crl } = authority;
    const config = {
      listeners,
      routes,
      tls: { hosts: { "secret.test": { clientAuth: { ca, crl } } } },
    };
    await using plane = await startPlane(config, credentials);
    const open = await handshake(plane, { ...secret, ...bad });
    const ticket = once(open, "session");
    assert.match(await answered(open, "secret.test"), /^HTTP\/1\.1 200 /);
    const [session] = (await ticket) as [Buffer];
    await authority.revoke("bad");
    await authority.list();
    await plane.apply(config);
    assert.match(await answered(open, "secret.test"), /^HTTP\/1\.1 421 /);
    isRefused(await outcome(plane, "secret.test", bad));
    assert.match(plane.told.join("\n"), /certificate revoked/);
    isRefused(await outcome(plane, "secret.test", { ...bad, session }));
    isRefused(await outcome(plane, "secret.test", { session }));
    assert.equal(await outcome(plane, "secret.test", good), "200");
    open.destroy();
    await plane.assertNothingLeft();
  },
);

test("a list that is over refuses everybody, and that is said", bounded, async () => {
  await using authority = await clientAuthority();
  const good = await authority.sign("good");
  await authority.list("over");
  const { ca, crl } = authority;
  const config = {
    listeners,
    routes,
    tls: { hosts: { "secret.test": { clientAuth: { ca, crl } } } },
  };
  await using plane = await startPlane(config, credentials);
  isRefused(await outcome(plane, "secret.test", good));
  assert.match(plane.told.join("\n"), /CRL has expired/);
});
