// nginx and Caddy themselves, and what `tidegate import` made of their configuration, asked over TLS: which certificate is shown,
// who is sent to https, and who is refused for want of a certificate.

import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, readFile, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { dirname } from "node:path";
import { test } from "node:test";
import type { TLSSocket } from "node:tls";
import { parse } from "yaml";
import { ask, field } from "../harness/ask.ts";
import { type ClientAuthority, clientAuthority } from "../harness/client-authority.ts";
import { runCommand, tidegate } from "../harness/command.ts";
import { echoOrigin } from "../harness/echo-origin.ts";
import { freePort } from "../harness/free-port.ts";
import { issued } from "../harness/issued.ts";
import { needs } from "../harness/needs.ts";
import { startCaddy, startNginx } from "../harness/real-proxy.ts";
import { type TempFolder, tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

interface Question {
  /** The name that the handshake asks for. */
  readonly name: string;
  /** That of the request, where it is another one. */
  readonly host?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** What a client gets: the names of the certificate, and of the answer what belongs to TLS. */
async function seen(port: number, { name, host = name, cert, key }: Question): Promise<string> {
  const asked = request({
    ...{ host: "127.0.0.1", port, servername: name, headers: { Host: host }, agent: false },
    ...{ rejectUnauthorized: false, cert, key },
  });
  asked.end();
  let names = "";
  asked.on("socket", (socket) => {
    socket.on("secureConnect", () => {
      names = (socket as TLSSocket).getPeerCertificate().subjectaltname ?? "";
    });
  });
  try {
    const signal = AbortSignal.timeout(10_000);
    const [answer] = (await once(asked, "response", { signal })) as [IncomingMessage];
    answer.resume();
    await once(answer, "end", { signal });
    const { statusCode = 0, headers } = answer;
    // How it is said is a matter of taste.
    if (statusCode >= 400) return "refused";
    return `${names} ${statusCode} ${headers["strict-transport-security"] ?? "-"}`;
  } catch (error) {
    if (error instanceof Error && error.name === "TimeoutError") throw error;
    return "refused"; // by an alert, or by an end
  } finally {
    asked.destroy();
  }
}

/** Where who comes in the clear is sent; the status is 301 or 308. */
async function sentTo(port: number, name: string): Promise<string> {
  const answer = await ask(port, { name, path: "/x?y=z" });
  return [301, 308].includes(answer.status) ? field(answer, "location") : `${answer.status}`;
}

async function writePair(folder: TempFolder, name: string, ...names: readonly string[]) {
  const { cert, key } = issued(names);
  await writeFile(folder.file(`${name}.pem`), cert);
  await writeFile(folder.file(`${name}.key`), key);
  await chmod(folder.path, 0o755);
  return [folder.file(`${name}.pem`), folder.file(`${name}.key`)] as const;
}

async function imported(program: string, file: string): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await runCommand(tidegate, ["import", program, file]);
  assert.equal(code, 0, stderr);
  const config = parse(stdout) as Record<string, unknown>;
  const secure = { bind: "127.0.0.1:0", tls: true };
  const kinds = Object.values(config["listeners"] as object).map((each: unknown) => typeof each);
  assert.deepEqual(kinds.toSorted(), ["object", "string"], "one with TLS, and one without");
  return { ...config, listeners: { web: "127.0.0.1:0", secure } };
}

type Clients = ReadonlyMap<string, Pick<Question, "cert" | "key">>;

/** Before the programs start: nginx reads the list of revoked ones then. */
async function clientsOf(authority: ClientAuthority): Promise<Clients> {
  await using others = await clientAuthority();
  const signed = async (by: ClientAuthority, name: string) => {
    const { cert, key } = await by.sign(name);
    // Caddy knows the root alone, so that clients show who is between.
    return [name, { cert: cert + (await readFile(by.ca, "utf8")), key }] as const;
  };
  const clients = [
    await signed(authority, "known"),
    await signed(authority, "revoked"),
    await signed(others, "foreign"),
  ];
  await authority.revoke("revoked");
  await authority.list();
  // One of those who read them is nobody.
  await runCommand("chmod", ["-R", "a+rX", dirname(authority.ca)]);
  return new Map<string, Pick<Question, "cert" | "key">>([["nobody", {}], ...clients]);
}

interface Ports {
  readonly plain: number;
  readonly secure: number;
}

interface Asked {
  readonly theirs: Ports;
  readonly ours: Ports;
  readonly clients: Clients;
}

async function compare({ theirs, ours, clients }: Asked): Promise<void> {
  const differences: unknown[] = [];
  const all: string[] = [];
  const both = async (what: string, see: (ports: Ports) => Promise<string>) => {
    const [one, other] = [await see(theirs), await see(ours)];
    all.push(`${what}: ${other}`);
    if (one !== other) differences.push({ what, theirs: one, ours: other });
  };
  for (const name of ["a.test", "x.wild.test"]) {
    await both(name, ({ secure }) => seen(secure, { name }));
  }
  for (const name of ["a.test", "x.wild.test", "secret.test"]) {
    await both(`http ${name}`, ({ plain }) => sentTo(plain, name));
  }
  for (const [who, pair] of clients) {
    await both(who, ({ secure }) => seen(secure, { name: "secret.test", ...pair }));
  }
  const other = { name: "a.test", host: "secret.test" };
  await both("by another name", ({ secure }) => seen(secure, other));
  assert.deepEqual(differences, []);
  assert.ok(all.includes("a.test: DNS:a.test 200 max-age=3600; includeSubDomains"), all.join("\n"));
  assert.ok(all.includes("http secret.test: https://secret.test/x?y=z"), all.join("\n"));
  assert.ok(all.includes("known: DNS:secret.test 200 -"), all.join("\n"));
  for (const who of ["nobody", "foreign", "by another name"]) {
    assert.ok(all.includes(`${who}: refused`), all.join("\n"));
  }
}

test(
  "nginx and what was imported show the same certificates, and refuse the same clients",
  { skip: needs("nginx", "openssl"), timeout: 90_000 },
  async () => {
    await using folder = await tempFolder();
    await using authority = await clientAuthority();
    await using origin = await echoOrigin("one");
    const [plain, secure] = [await freePort(), await freePort()];
    const [a, wild, secret] = [
      await writePair(folder, "a", "a.test"),
      await writePair(folder, "wild", "*.wild.test"),
      await writePair(folder, "secret", "secret.test"),
    ];
    const clients = await clientsOf(authority);
    const site = (name: string, [cert, key]: readonly [string, string], more: string) => `
server { listen 127.0.0.1:${secure} ssl; server_name ${name}; ssl_certificate ${cert}; ssl_certificate_key ${key}; ${more}
  location / { proxy_pass http://127.0.0.1:${origin.port}; proxy_set_header Host $host; } }`;
    const sts = 'add_header Strict-Transport-Security "max-age=3600; includeSubDomains" always;';
    const lock = `ssl_client_certificate ${authority.ca}; ssl_crl ${authority.crl}; ssl_verify_client on; ssl_verify_depth 2;`;
    const sites = `server { listen 127.0.0.1:${plain}; server_name _; return 301 https://$host$request_uri; }
${site("a.test", a, sts)}${site("*.wild.test", wild, "")}${site("secret.test", secret, lock)}`;
    await using nginx = await startNginx(sites, secure);
    await using program = await startTidegate({ config: await imported("nginx", nginx.file) });
    const ours = { plain: program.port("web"), secure: program.port("secure") };
    await compare({ theirs: { plain, secure }, ours, clients });
    const unknown = { name: "unknown.test" };
    const revoked = { name: "secret.test", ...clients.get("revoked") };
    assert.equal(await seen(ours.secure, revoked), "refused");
    assert.match(await seen(ours.secure, unknown), /^DNS:a\.test 200/);
    assert.equal(await seen(ours.secure, unknown), await seen(secure, unknown));
  },
);

test(
  "Caddy and what was imported show the same certificates, and refuse the same clients",
  { skip: needs("caddy", "openssl"), timeout: 90_000 },
  async () => {
    await using folder = await tempFolder();
    await using authority = await clientAuthority();
    await using origin = await echoOrigin("one");
    const [plain, secure] = [await freePort(), await freePort()];
    const [a, wild, secret] = [
      await writePair(folder, "a", "a.test"),
      await writePair(folder, "wild", "*.wild.test"),
      await writePair(folder, "secret", "secret.test"),
    ];
    const clients = await clientsOf(authority);
    const site = (name: string, tls: string, more: string) =>
      `${name} {\n\ttls ${tls}\n\t${more}\n\treverse_proxy 127.0.0.1:${origin.port}\n}\n`;
    const lock = `{\n\t\tclient_auth {\n\t\t\tmode require_and_verify\n\t\t\ttrusted_ca_cert_file ${authority.ca}\n\t\t}\n\t}`;
    const sts = 'header Strict-Transport-Security "max-age=3600; includeSubDomains"';
    const sites = [
      site("a.test", a.join(" "), sts),
      site("*.wild.test", wild.join(" "), ""),
      site("secret.test", `${secret.join(" ")} ${lock}`, ""),
    ];
    const options = [`http_port ${plain}`, `https_port ${secure}`, "skip_install_trust"];
    await using caddy = await startCaddy(sites.join(""), secure, options);
    await using program = await startTidegate({ config: await imported("caddy", caddy.file) });
    const ours = { plain: program.port("web"), secure: program.port("secure") };
    await compare({ theirs: { plain, secure }, ours, clients });
  },
);
