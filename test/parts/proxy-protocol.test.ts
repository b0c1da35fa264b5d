// The PROXY protocol between us and others who speak it: curl that writes it, HAProxy in front and nginx
// behind, and whose address everybody ends up with.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { eventually } from "../harness/barrier.ts";
import { certificates } from "../harness/certificates.ts";
import { connect } from "../harness/client.ts";
import { type Ended, runCommand } from "../harness/command.ts";
import { daemonUser } from "../harness/daemon.ts";
import { echoOrigin, type EchoOrigin } from "../harness/echo-origin.ts";
import { freePort } from "../harness/free-port.ts";
import { findCommand, needs } from "../harness/needs.ts";
import type { TempFolder } from "../harness/temp-folder.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const skip = needs("curl", "haproxy", "nginx", "openssl", "setpriv");

/** The client, a stranger, and the only ones that are believed. */
const client = "127.0.0.9";
const stranger = "127.0.0.5";
const trusted = ["127.0.0.1/32"];

/** A program of others with its configuration, once somebody listens at the port. */
async function startOther(
  name: "haproxy" | "nginx",
  port: number,
  configure: (folder: TempFolder) => string,
  files: Readonly<Record<string, string>> = {},
) {
  const user = await daemonUser("nobody");
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await user.folder(`tidegate-${name}-`));
  for (const [file, text] of Object.entries(files)) await writeFile(folder.file(file), text);
  const file = folder.file("configuration");
  await writeFile(file, configure(folder));
  const words =
    name === "nginx" ? ["-e", folder.file("error.log"), "-c", file] : ["-db", "-f", file];
  const daemon = user.start(findCommand(name) ?? name, words);
  stack.defer(() => daemon.end("SIGTERM"));
  await eventually(`${name} to listen`, async () => {
    if (daemon.hasEnded()) throw new Error(`${name} ended: ${daemon.log()}`);
    try {
      await (await connect(port))[Symbol.asyncDispose]();
      return true;
    } catch {
      return undefined; // not yet
    }
  });
  const held = stack.move();
  return { port, folder, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** Passes connections on from 127.0.0.1, as a load balancer does. @param how `send-proxy-v2`, for example */
async function balancer(to: number, how = "") {
  const port = await freePort();
  return startOther(
    "haproxy",
    port,
    () => `
defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen all
  bind 127.0.0.1:${port}
  server one 127.0.0.1:${to} ${how}
`,
  );
}

/** Tells everybody who they are, by what the PROXY header says. */
async function nginxBehind(tls?: { readonly cert: string; readonly key: string }) {
  const port = await freePort();
  const files = tls === undefined ? {} : { "cert.pem": tls.cert, "key.pem": tls.key };
  const configure = (folder: TempFolder) => `
daemon off; worker_processes 1; pid ${folder.file("pid")};
error_log ${folder.file("error.log")};
events { worker_connections 64; }
http {
  ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder.file(`temp-${name}`)};`)
    .join("\n  ")}
  log_format who '$proxy_protocol_addr "$request" $status';
  access_log ${folder.file("access.log")} who;
  server {
    listen 127.0.0.1:${port} proxy_protocol ${tls === undefined ? "" : "ssl"};
    ${tls === undefined ? "" : "ssl_certificate cert.pem; ssl_certificate_key key.pem;"}
    location / { return 200 "$proxy_protocol_addr $proxy_protocol_server_port"; }
  }
}
`;
  const running = await startOther("nginx", port, configure, files);
  return { ...running, log: () => readFile(running.folder.file("access.log"), "utf8") };
}

function curl(from: string, url: string, ...words: readonly string[]): Promise<Ended> {
  const bounded = ["--silent", "--show-error", "--max-time", "10", "--noproxy", "*"];
  return runCommand("curl", [...bounded, "--interface", from, ...words, url]);
}

const header = "--haproxy-protocol";

/** It was connected, and nothing came: no answer, or an error while it sent or received. */
function assertCutOff({ code, stdout, stderr }: Ended): void {
  assert.ok([52, 55, 56].includes(code ?? 0), `${code} ${stderr}`);
  assert.equal(stdout, "");
}

async function loggedAddress(program: Tidegate, pattern: RegExp): Promise<unknown> {
  const line = JSON.parse(await program.waitForLog(pattern)) as Record<string, unknown>;
  return line["remoteAddress"];
}

/** What the origin saw of the one who asked. */
function seenIn(ended: Ended): Readonly<Record<string, string>> {
  assert.equal(ended.code, 0, ended.stderr);
  return (JSON.parse(ended.stdout) as { headers: Record<string, string> }).headers;
}

function frontOf(origin: EchoOrigin): Promise<Tidegate> {
  return startTidegate({
    config: {
      listeners: {
        web: { bind: "127.0.0.1:0", proxyProtocol: true, trustedProxies: trusted },
      },
      routes: { "*": origin.url },
    },
    workers: 2,
  });
}

test("the PROXY protocol in front", { skip, timeout: 60_000 }, async (context) => {
  await using origin = await echoOrigin("origin");
  await using program = await frontOf(origin);
  const own = program.port();

  await context.test("the address that curl writes reaches the origin and the log", async () => {
    await using front = await balancer(own);
    const seen = seenIn(await curl(client, `http://127.0.0.1:${front.port}/curl`, header));
    assert.equal(seen["x-forwarded-for"], client);
    assert.equal(seen["x-real-ip"], client);
    assert.equal(seen["x-forwarded-port"], `${front.port}`);
    assert.equal(await loggedAddress(program, /"target":"\/curl"/), client);
  });

  for (const version of ["send-proxy", "send-proxy-v2"]) {
    await context.test(`HAProxy's ${version} says who the client is`, async () => {
      await using front = await balancer(own, version);
      const url = `http://127.0.0.1:${front.port}/${version}`;
      const seen = seenIn(await curl(client, url));
      assert.equal(seen["x-forwarded-for"], client);
      assert.equal(await loggedAddress(program, new RegExp(`"target":"/${version}"`)), client);
    });
  }

  await context.test("a stranger is refused, and so is who sends no header", async () => {
    const before = origin.requests.length;
    const url = `http://127.0.0.1:${own}/refused`;
    for (const refused of [await curl(stranger, url, header), await curl("127.0.0.1", url)]) {
      assertCutOff(refused);
    }
    assert.match(await program.waitForLog(/not a trusted proxy/), new RegExp(stranger));
    await program.waitForLog(/PROXY_HEADER_INVALID/);
    assert.equal(origin.requests.length, before);
  });
});

test("the PROXY protocol from end to end", { skip, timeout: 60_000 }, async (context) => {
  const { ca, cert, key } = await certificates("web.test");
  await using plain = await nginxBehind();
  await using secure = await nginxBehind({ cert, key });
  const backends = ({ port }: { port: number }) => [`tcp://127.0.0.1:${port}`];
  const listener = { bind: "127.0.0.1:0", protocol: "tcp", trustedProxies: trusted };
  await using program = await startTidegate({
    config: {
      listeners: {
        v1: { ...listener, proxyProtocol: true, service: "v1" },
        v2: { ...listener, proxyProtocol: true, service: "v2" },
        tls: { ...listener, proxyProtocol: true },
        // Here clients come themselves.
        direct: { ...listener, service: "v2" },
      },
      tcpRoutes: { web: { listener: "tls", sni: "web.test", service: "secure" } },
      services: {
        v1: { backends: backends(plain), proxyProtocol: "v1" },
        v2: { backends: backends(plain), proxyProtocol: "v2" },
        secure: { backends: backends(secure), proxyProtocol: "v2" },
      },
    },
    workers: 2,
  });

  for (const version of ["v1", "v2"]) {
    await context.test(`nginx knows the client that curl named, by ${version}`, async () => {
      await using front = await balancer(program.port(version));
      const ended = await curl(client, `http://127.0.0.1:${front.port}/${version}`, header);
      assert.equal(ended.stdout, `${client} ${front.port}`, ended.stderr);
      const line = new RegExp(`^${client} "GET /${version} HTTP/1\\.1" 200$`, "m");
      await eventually("nginx's log", async () => line.test(await plain.log()) || undefined);
      assert.equal(await loggedAddress(program, new RegExp(`"target":"${version}"`)), client);
    });
  }

  await context.test("and within TLS that is passed through by name", async () => {
    await using front = await balancer(program.port("tls"), "send-proxy-v2");
    await writeFile(front.folder.file("ca.pem"), ca);
    const url = `https://web.test:${front.port}/tls`;
    const where = ["--resolve", `web.test:${front.port}:127.0.0.1`];
    const ended = await curl(client, url, ...where, "--cacert", front.folder.file("ca.pem"));
    assert.equal(ended.stdout, `${client} ${front.port}`, ended.stderr);
    assert.equal(await loggedAddress(program, /"host":"web\.test"/), client);
  });

  await context.test("a client that comes itself is who nginx hears of", async () => {
    const port = program.port("direct");
    const ended = await curl(client, `http://127.0.0.1:${port}/direct`);
    assert.equal(ended.stdout, `${client} ${port}`, ended.stderr);
  });

  await context.test("a stranger reaches no backend", async () => {
    const ended = await curl(stranger, `http://127.0.0.1:${program.port("v2")}/stranger`, header);
    assertCutOff(ended);
    assert.match(await program.waitForLog(/not a trusted proxy/), new RegExp(stranger));
    assert.doesNotMatch(await plain.log(), /stranger/);
  });
});
