// TLS to backends on real sockets: who is trusted, what is resumed, and what people are told when it fails.

import { deepStrictEqual, match, strictEqual } from "node:assert";
import { spawn } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import {
  type AddressInfo,
  createServer as createPlainServer,
  type Server,
  type Socket,
} from "node:net";
import { test } from "node:test";
import { createServer, type TlsOptions, type TLSSocket } from "node:tls";
import { eventually, within } from "../../test/harness/barrier.ts";
import { certificates } from "../../test/harness/certificates.ts";
import { type Issued, issued, issuer, trustedRoot } from "../../test/harness/issued.ts";
import { findCommand, needs } from "../../test/harness/needs.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { defaultBackendTls } from "../config/backend-tls-limits.ts";
import type { BackendTls } from "../config/service.ts";
import { Tally } from "../lib/tally.ts";
import { Guests } from "../guest/guests.ts";
import { Wheel } from "../lib/wheel.ts";
import { Caps } from "./caps.ts";
import { Pool, type PoolTicket, type Waiter } from "./pool.ts";
import { RawConnection } from "./raw-connection.ts";

const bounded = { timeout: 20_000 };
const wheel = new Wheel(5);
const own = issued(["a.test"]);
const trusting = { ca: trustedRoot, serverName: "a.test" };

interface Backend extends AsyncDisposable {
  readonly port: number;
  /** Of each handshake: whether it was a session that is resumed. */
  readonly resumed: boolean[];
}

async function listening(server: Server, resumed: boolean[] = [], at = 0): Promise<Backend> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket.on("error", () => {})));
  server.listen(at, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    resumed,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const each of sockets) each.destroy();
      await closed;
    },
  };
}

/** Gives back what it gets. */
function backend({ cert, key }: Issued, options: TlsOptions = {}, port = 0): Promise<Backend> {
  const resumed: boolean[] = [];
  const server = createServer({ cert: cert + issuer, key, ...options }, (socket) => {
    resumed.push(socket.isSessionReused());
    socket.on("error", () => {}).pipe(socket);
  });
  return listening(server, resumed, port);
}

/** OpenSSL itself, which gives each line back the other way round. */
async function openssl(
  options: readonly string[],
  files: Readonly<Record<string, string>> = {},
): Promise<Backend> {
  const folder = await tempFolder();
  const all = { "cert.pem": own.cert, "chain.pem": issuer, "key.pem": own.key, ...files };
  for (const [name, text] of Object.entries(all)) await writeFile(folder.file(name), text);
  const fixed = ["-accept", "127.0.0.1:0", "-cert", "cert.pem", "-cert_chain", "chain.pem"];
  const program = spawn(
    findCommand("openssl") ?? "openssl",
    ["s_server", ...fixed, "-key", "key.pem", "-rev", ...options],
    { cwd: folder.path, stdio: ["ignore", "pipe", "pipe"] },
  );
  const gone = once(program, "exit");
  let out = "";
  const take = (bytes: Buffer) => (out += bytes.toString("latin1"));
  program.stdout.on("data", take);
  program.stderr.on("data", take);
  const port = await eventually("the server to listen", () => /^ACCEPT .*:(\d+)$/m.exec(out)?.[1]);
  return {
    port: Number(port),
    resumed: [],
    async [Symbol.asyncDispose]() {
      program.kill("SIGKILL");
      await gone;
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** @param resumed is told of each connection whether it resumed a session */
function poolOf(
  port: number,
  tls: Partial<BackendTls>,
  resumed: boolean[] = [],
): Pool<RawConnection> {
  return new Pool({
    service: "s",
    backend: {
      ...{ url: "x", protocol: "http", secure: true, basePath: "", authority: "x" },
      ...{ address: { kind: "tcp", host: "127.0.0.1", port }, weight: 1, tier: 0 },
    },
    settings: { maxConnections: 9, maxWaiting: 9, maxWait: 5000, maxIdle: 0, idleTimeout: 1000 },
    tls: { ...defaultBackendTls, ...tls },
    wheel,
    caps: new Caps(new Tally()),
    bufferBytes: 65_536,
    guests: new Guests(),
    alpn: [],
    adopt: (socket, address, owner) => {
      resumed.push((socket as TLSSocket).isSessionReused());
      return new RawConnection(socket, address, owner);
    },
  });
}

/** What comes back of a word, or why nothing does. */
async function said(pool: Pool<RawConnection>): Promise<string> {
  const answer = Promise.withResolvers<string>();
  const waiter: Waiter<RawConnection> = {
    ticket: null as PoolTicket<RawConnection> | null,
    onLease(connection) {
      connection.begin({
        onBackendBytes: (buffer, start, end) => {
          answer.resolve(buffer.latin1Slice(start, end));
          connection.destroy();
        },
        onBackendEnd: () => answer.resolve("ended"),
        onBackendDrain() {},
        onBackendRefused: (why) => answer.resolve(`refused: ${why}`),
        onBackendClosed: () => answer.resolve("closed"),
      });
      connection.write(Buffer.from("word\n"), 0, 5);
    },
    onNoLease: (code, cause) => answer.resolve(`${code}: ${cause?.message ?? ""}`),
  };
  pool.open(waiter, 5000);
  return within(answer.promise, 8000, "an answer");
}

async function outcome(port: number, tls: Partial<BackendTls>): Promise<string> {
  using pool = poolOf(port, tls);
  return said(pool);
}

function pinOf({ cert }: Issued): string {
  const key = new X509Certificate(cert).publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(key).digest("base64");
}

// --- who is trusted -----------------------------------------------------------------------------------

test("each way not to be trusted has a sentence of its own", bounded, async () => {
  await using good = await backend(own);
  const past = { now: Date.now() - 20 * 86_400_000, days: 10 };
  await using expired = await backend(issued(["a.test"], past));
  const future = { now: Date.now() + 20 * 86_400_000, days: 10 };
  await using early = await backend(issued(["a.test"], future));
  await using plain = await listening(
    createPlainServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")),
    [],
  );
  await using silent = await listening(
    createPlainServer((socket) => socket.destroy()),
    [],
  );
  await using old = await backend(own, { maxVersion: "TLSv1.2" });
  const cases: readonly [Backend, Partial<BackendTls>, RegExp][] = [
    [good, trusting, /^word\n$/],
    [good, { serverName: "a.test" }, /nobody we trust signed its certificate .*tls\.ca/],
    [good, { ...trusting, ca: own.cert }, /none of the authorities in tls\.ca signed/],
    [good, { ...trusting, serverName: "b.test" }, /is for a\.test, and not for b\.test: set tls/],
    [good, { ca: trustedRoot }, /is for a\.test, and not for 127\.0\.0\.1/],
    [expired, trusting, /its certificate has expired: renew it there/],
    [early, trusting, /not valid yet: perhaps the clock/],
    [plain, trusting, /it speaks no TLS on this port: write http:\/\//],
    [silent, trusting, /closed the connection in the middle of the handshake/],
    [old, { ...trusting, minVersion: "TLSv1.3" }, /no version of TLS that we speak/],
    [old, trusting, /^word\n$/],
    [expired, { verify: false }, /^word\n$/],
  ];
  for (const [to, tls, wanted] of cases) {
    const found = await outcome(to.port, tls);
    match(found, wanted);
    if (found !== "word\n") match(found, /^TLS_FAILED: TLS failed: /);
  }
});

test(
  "a pinned key is enough by itself, and one key more where all is checked",
  bounded,
  async () => {
    const past = { now: Date.now() - 20 * 86_400_000, days: 10 };
    const outdated = issued(["elsewhere.test"], past);
    const other = issued(["a.test"]);
    await using strange = await backend(outdated);
    await using good = await backend(own);
    const pins = [pinOf(outdated), pinOf(own)];
    strictEqual(await outcome(strange.port, { verify: false, pins }), "word\n");
    match(
      await outcome(strange.port, { verify: false, pins: [pinOf(other)] }),
      /its key is none of tls\.pins: it is sha256\/[A-Za-z0-9+/]{43}=$/,
    );
    match(await outcome(strange.port, { ...trusting, pins }), /expired/);
    strictEqual(await outcome(good.port, { ...trusting, pins }), "word\n");
    match(await outcome(good.port, { ...trusting, pins: [pinOf(other)] }), /none of tls\.pins/);
    // Whoever shows somebody else's certificate behind its own has not that key.
    const chain = { cert: other.cert + own.cert, key: other.key };
    await using impostor = await backend(chain);
    match(await outcome(impostor.port, { verify: false, pins: [pinOf(own)] }), /none of tls\.pins/);
  },
);

for (const version of ["tls1_2", "tls1_3"] as const) {
  test(
    `a backend that wants a certificate gets ours, or it is said why not (${version})`,
    { ...bounded, skip: needs("openssl") },
    async () => {
      const [client, stranger] = [await certificates("us"), await certificates("them")];
      const wanting = ["-Verify", "1", "-verify_return_error", "-CAfile", "client-ca.pem"];
      await using strict = await openssl([`-${version}`, ...wanting], {
        "client-ca.pem": client.ca,
      });
      const show = ({ cert, key }: Issued) => ({ ...trusting, client: { certificate: cert, key } });
      strictEqual(await outcome(strict.port, show(client)), "drow\n");
      match(
        await outcome(strict.port, trusting),
        /TLS failed: (it wants a certificate of ours: set|.*perhaps it wants a certificate)/,
      );
      match(
        await outcome(strict.port, show(stranger)),
        /TLS failed: it refused the certificate in tls\.cert \(.*unknown ca\)/,
      );
    },
  );
}

// --- sessions ------------------------------------------------------------------------------------------

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`the next connection resumes the session of the last (${version})`, bounded, async () => {
    const versions = { minVersion: version, maxVersion: version };
    await using secure = await backend(own, versions);
    const pins = [pinOf(own)];
    for (const tls of [trusting, { verify: false, pins }, { ...trusting, pins }]) {
      using pool = poolOf(secure.port, tls);
      for (let round = 0; round < 3; round++) strictEqual(await said(pool), "word\n");
    }
    // Each pool begins anew: nothing is resumed that was checked in another way, or not at all.
    const each = [false, true, true];
    deepStrictEqual(secure.resumed, [...each, ...each, ...each]);
  });
}

test("another certificate is noticed, whatever was resumed before", bounded, async () => {
  const first = await backend(own);
  using pool = poolOf(first.port, trusting);
  const pins = [pinOf(own)];
  using pinned = poolOf(first.port, { verify: false, pins });
  for (const each of [pool, pinned, pool, pinned]) strictEqual(await said(each), "word\n");
  deepStrictEqual(first.resumed, [false, false, true, true]);
  await first[Symbol.asyncDispose]();
  const other = issued(["b.test"]);
  await using second = await backend(other, {}, first.port);
  match(await said(pool), /is for b\.test, and not for a\.test/);
  match(await said(pinned), /none of tls\.pins/);
  deepStrictEqual(second.resumed.includes(true), false);
});

for (const version of ["tls1_2", "tls1_3"] as const) {
  test(
    `OpenSSL's own server resumes as well (${version})`,
    { ...bounded, skip: needs("openssl") },
    async () => {
      await using server = await openssl([`-${version}`]);
      const resumed: boolean[] = [];
      using pool = poolOf(server.port, trusting, resumed);
      for (let round = 0; round < 3; round++) strictEqual(await said(pool), "drow\n");
      deepStrictEqual(resumed, [false, true, true]);
    },
  );
}
