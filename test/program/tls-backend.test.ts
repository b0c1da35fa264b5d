// Backends over TLS: verified against the authority that was named, under the name that was named.

import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TlsOptions, TLSSocket } from "node:tls";
import { ask } from "../harness/ask.ts";
import { certificates } from "../harness/certificates.ts";
import { loggedAtEnd } from "../harness/logged.ts";
import { needs } from "../harness/needs.ts";
import { httpOrigin } from "../harness/origin.ts";
import { type TempFolder, tempFolder } from "../harness/temp-folder.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const skip = needs("openssl");
const listeners = { web: "127.0.0.1:0" };

interface SecureOrigin extends AsyncDisposable {
  readonly port: number;
  /** Connections whose handshake was finished. */
  readonly handshakes: () => number;
}

/** Answers with the server name it was asked for. */
async function secureOrigin(...names: readonly string[]): Promise<SecureOrigin> {
  return originWith(names, {});
}

async function originWith(names: readonly string[], options: TlsOptions): Promise<SecureOrigin> {
  const { key, cert } = await certificates(...names);
  const server = createServer({ key, cert, ...options }, (request, response) => {
    const { servername, alpnProtocol } = request.socket as TLSSocket & { servername: unknown };
    response.end(JSON.stringify({ servername, alpnProtocol, host: request.headers.host }));
  });
  let handshakes = 0;
  server.on("secureConnection", () => (handshakes += 1));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    handshakes: () => handshakes,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function caFile(folder: TempFolder, ...names: readonly string[]): Promise<string> {
  const path = folder.file("ca.pem");
  await writeFile(path, (await certificates(...names)).ca);
  return path;
}

function start(url: string, tls: Record<string, unknown>): Promise<Tidegate> {
  const routes = { "app.test": { service: { backends: [url], tls } } };
  return startTidegate({ config: { listeners, routes } });
}

test(
  "a backend with a certificate of the named authority is used, its connection kept",
  { skip },
  async () => {
    await using folder = await tempFolder();
    await using secure = await secureOrigin("localhost");
    await using program = await start(`https://localhost:${secure.port}`, {
      ca: await caFile(folder, "localhost"),
    });
    for (let n = 0; n < 3; n += 1) {
      const response = await ask(program.port());
      assert.equal(response.status, 200);
      const seen = JSON.parse(response.body) as Record<string, unknown>;
      assert.equal(seen["servername"], "localhost");
      assert.equal(seen["host"], "app.test");
    }
    assert.equal(secure.handshakes(), 1);
  },
);

test("whom the system trusts is trusted, where nobody else is named", { skip }, async () => {
  await using folder = await tempFolder();
  await using secure = await secureOrigin("localhost");
  const routes = { "app.test": `https://localhost:${secure.port}` };
  // Where the store of the system is; by the third, distributions add to what Node trusts.
  const env = { SSL_CERT_DIR: folder.file("nobody"), NODE_EXTRA_CA_CERTS: "" };
  const status = async (file: string) => {
    const config = { listeners, routes };
    await using program = await startTidegate({ config, env: { ...env, SSL_CERT_FILE: file } });
    return (await ask(program.port())).status;
  };
  assert.equal(await status(await caFile(folder, "localhost")), 200);
  assert.equal(await status("/dev/null"), 502);
});

test("a certificate for an IP address is good for that address", { skip }, async () => {
  await using folder = await tempFolder();
  await using secure = await secureOrigin("127.0.0.1");
  await using program = await start(`https://127.0.0.1:${secure.port}`, {
    ca: await caFile(folder, "127.0.0.1"),
  });
  assert.equal((await ask(program.port())).status, 200);
});

test("serverName is what is sent and what is verified", { skip }, async () => {
  await using folder = await tempFolder();
  await using secure = await secureOrigin("inside.example");
  await using program = await start(`https://127.0.0.1:${secure.port}`, {
    ca: await caFile(folder, "inside.example"),
    serverName: "inside.example",
  });
  const response = await ask(program.port());
  assert.equal(response.status, 200);
  assert.equal(
    (JSON.parse(response.body) as Record<string, unknown>)["servername"],
    "inside.example",
  );
});

for (const { what, tls } of [
  { what: "of an authority that nobody trusts", tls: {} },
  { what: "of another authority than the named one", tls: { ca: "other" } },
  { what: "for another name", tls: { ca: "own", serverName: "other.example" } },
]) {
  test(`a certificate ${what} is 502, and no request is sent`, { skip }, async () => {
    await using folder = await tempFolder();
    await using secure = await secureOrigin("localhost");
    const signer = tls.ca === "other" ? "another.example" : "localhost";
    const ca = tls.ca === undefined ? {} : { ca: await caFile(folder, signer) };
    await using program = await start(`https://localhost:${secure.port}`, { ...tls, ...ca });
    const response = await ask(program.port(), { path: "/tls" });
    assert.equal(response.status, 502);
    assert.doesNotMatch(response.body, /servername/);
    assert.equal((await loggedAtEnd(program, "/tls"))["failure"], "TLS_FAILED");
  });
}

test("verify: false takes any certificate", { skip }, async () => {
  await using secure = await secureOrigin("elsewhere.example");
  await using program = await start(`https://127.0.0.1:${secure.port}`, { verify: false });
  assert.equal((await ask(program.port())).status, 200);
});

test("a backend that speaks no TLS is 502", async () => {
  await using plain = await httpOrigin((_request, response) => response.end("plain"));
  await using program = await start(`https://127.0.0.1:${plain.port}`, { verify: false });
  assert.equal((await ask(program.port(), { path: "/plain" })).status, 502);
  assert.equal((await loggedAtEnd(program, "/plain"))["failure"], "TLS_FAILED");
});

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  test(
    `a backend that wants a certificate of ours gets it, and else the request is 502 (${version})`,
    { skip },
    async () => {
      await using folder = await tempFolder();
      const us = await certificates("us.example");
      await using strict = await originWith(["localhost"], {
        ...{ ca: us.ca, requestCert: true, rejectUnauthorized: true },
        ...{ minVersion: version, maxVersion: version },
      });
      const [cert, key] = [folder.file("us.pem"), folder.file("us.key")];
      await writeFile(cert, us.cert);
      await writeFile(key, us.key);
      const url = `https://localhost:${strict.port}`;
      const ca = await caFile(folder, "localhost");
      await using program = await start(url, { ca, cert, key });
      assert.equal((await ask(program.port())).status, 200);
      await using bare = await start(url, { ca });
      assert.equal((await ask(bare.port(), { path: "/bare" })).status, 502);
      assert.equal((await loggedAtEnd(bare, "/bare"))["failure"], "TLS_FAILED");
    },
  );
}
