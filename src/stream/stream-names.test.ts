// Streams whose TLS ends here with the certificates of `tls`: by name, and under what is said of each name.

import { deepStrictEqual, match, strictEqual } from "node:assert";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import {
  connect as connectTls,
  type ConnectionOptions,
  type PeerCertificate,
  type TLSSocket,
} from "node:tls";
import { within } from "../../test/harness/barrier.ts";
import { certificates } from "../../test/harness/certificates.ts";
import { issued, issuer, trustedRoot } from "../../test/harness/issued.ts";
import { needs } from "../../test/harness/needs.ts";
import { origin } from "../../test/harness/origin.ts";
import { type StreamStand, streamStand } from "../../test/harness/stream-stand.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { type Certificate, noCredentials } from "../config/certificate.ts";

const bounded = { timeout: 20_000 };

function certificateOf(...names: readonly string[]): Certificate {
  const { cert, key } = issued(names);
  return {
    ...{ id: names.join(" "), names, chain: cert + issuer, key, kind: "ec", staple: undefined },
    ...{ origin: { provider: "file", place: "here" }, notBefore: 0, notAfter: Date.now() + 1e9 },
  };
}

const proof = issued(["a.test"]);

const credentials = {
  ...noCredentials,
  certificates: [certificateOf("a.test"), certificateOf("*.b.test")],
  challenges: { http: {}, alpn: { "a.test": { chain: proof.cert, key: proof.key } } },
  ticketSecret: "5e".repeat(32),
};

async function standFor(tls: object = {}, route: object = { tls: true }) {
  const backend = await origin({ onConnection: (each) => void each.send("ready\n") });
  const stand = streamStand(
    {
      tcpRoutes: { r: { sni: "*", service: `tcp://127.0.0.1:${backend.port}`, ...route } },
      tls,
      listeners: { tcp: { timeouts: { head: "2s" } } },
    },
    credentials,
  );
  return {
    stand,
    async [Symbol.asyncDispose]() {
      await stand[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
    },
  };
}

interface Seen {
  /** "ready", or what went wrong. */
  readonly text: string;
  readonly names: string;
  readonly protocol: TLSSocket["alpnProtocol"];
  readonly version: string | null;
}

async function seen({ port }: StreamStand, options: ConnectionOptions): Promise<Seen> {
  const client = connectTls({ host: "127.0.0.1", port, ca: trustedRoot, ...options });
  const over = Promise.withResolvers<string>();
  client.on("data", (bytes: Buffer) => over.resolve(bytes.toString().trim()));
  client.on("error", (error) => over.resolve(error.message));
  client.on("close", () => over.resolve("closed"));
  const text = await within(over.promise, 5000, "a word or a failure");
  // Null where nothing was shown, whatever its type says.
  const shown = client.getPeerCertificate() as PeerCertificate | null;
  const names = shown?.subjectaltname ?? "";
  const found = { text, names, protocol: client.alpnProtocol, version: client.getProtocol() };
  client.destroy();
  return found;
}

test("the name says which certificate is shown", bounded, async () => {
  await using served = await standFor({ default: "a.test" });
  const { stand } = served;
  for (const [servername, names] of [
    ["a.test", "DNS:a.test"],
    ["x.b.test", "DNS:*.b.test"],
    ["unknown.test", "DNS:a.test"],
  ] as const) {
    const found = await seen(stand, { servername, checkServerIdentity: () => undefined });
    deepStrictEqual([found.text, found.names], ["ready", names]);
  }
});

test("what is said of a name holds: versions, and who is refused", bounded, async () => {
  const hosts = { "a.test": { profile: "modern" } };
  await using served = await standFor({ strict: true, hosts });
  const { stand } = served;
  const old = { maxVersion: "TLSv1.2" } as const;
  match((await seen(stand, { servername: "a.test", ...old })).text, /protocol version/);
  strictEqual((await seen(stand, { servername: "x.b.test", ...old })).version, "TLSv1.2");
  match((await seen(stand, { servername: "unknown.test" })).text, /unrecognized name/);
  match(stand.problems.join(), /a TLS client was refused.*no certificate is for unknown\.test/);
});

test(
  "a protocol is agreed on as for any stream, but for the proof of a name",
  bounded,
  async () => {
    await using served = await standFor();
    const { stand } = served;
    const own = await seen(stand, { servername: "a.test", ALPNProtocols: ["postgresql"] });
    deepStrictEqual([own.text, own.protocol], ["ready", "postgresql"]);
    const asking = { servername: "a.test", ALPNProtocols: ["acme-tls/1"] };
    const proven = await seen(stand, { ...asking, rejectUnauthorized: false });
    deepStrictEqual([proven.text, proven.protocol], ["closed", "acme-tls/1"]);
    const other = await seen(stand, { ...asking, servername: "x.b.test" });
    match(other.text, /unrecognized name/);
  },
);

for (const kind of ["of tls", "of its own"] as const) {
  test(
    `clients show certificates where the name wants them (${kind})`,
    { ...bounded, skip: needs("openssl") },
    async () => {
      await using folder = await tempFolder();
      const [known, stranger] = [await certificates("known"), await certificates("stranger")];
      const own = issued(["a.test"]);
      for (const [name, text] of [
        ["ca.pem", known.ca],
        ["own.pem", own.cert + issuer],
        ["own.key", own.key],
      ] as const) {
        await writeFile(folder.file(name), text);
      }
      const pair = { cert: folder.file("own.pem"), key: folder.file("own.key") };
      await using served = await standFor(
        { hosts: { "a.test": { clientAuth: { ca: folder.file("ca.pem") } } } },
        { tls: kind === "of tls" ? true : pair },
      );
      const { stand } = served;
      const to = { servername: "a.test" };
      strictEqual((await seen(stand, { ...to, cert: known.cert, key: known.key })).text, "ready");
      const { cert, key } = stranger;
      for (const refused of [to, { ...to, cert, key }]) {
        match((await seen(stand, refused)).text, /closed|alert|ECONNRESET/);
      }
      // The one that was served is half open still: its backend has not ended.
      const failures = [(await stand.record()).failure, (await stand.record()).failure];
      deepStrictEqual(failures, ["CLIENT_TLS_FAILED", "CLIENT_TLS_FAILED"]);
    },
  );
}

test("a session is resumed", bounded, async () => {
  await using served = await standFor();
  const client = connectTls({
    ...{ host: "127.0.0.1", port: served.stand.port, ca: trustedRoot, servername: "a.test" },
    maxVersion: "TLSv1.2",
  });
  await within(once(client, "data"), 5000, "the word");
  const session = client.getSession();
  client.destroy();
  const again = connectTls({
    ...{ host: "127.0.0.1", port: served.stand.port, ca: trustedRoot, servername: "a.test" },
    ...{ maxVersion: "TLSv1.2", session },
  });
  await within(once(again, "data"), 5000, "the word");
  strictEqual(again.isSessionReused(), true);
  again.destroy();
});
