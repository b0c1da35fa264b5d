// A real PowerDNS with a database in a file of its own folder, its DNS and its API on ports of their own, as nobody. Guard the test
// with `needs(...pdnsNeeds)`.

import { randomBytes } from "node:crypto";
import { chmod, readFile } from "node:fs/promises";
import { Resolver } from "node:dns/promises";
import { DatabaseSync } from "node:sqlite";
import { eventually } from "./barrier.ts";
import { daemonUser } from "./daemon.ts";
import { freePort } from "./free-port.ts";
import { findCommand } from "./needs.ts";

export const pdnsNeeds = ["pdns_server", "setpriv"] as const;

const schema = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql";

export interface PowerDns extends AsyncDisposable {
  /** `address:port` */
  readonly address: string;
  /** Of its API. */
  readonly url: string;
  readonly token: string;
  /** Base64, of the key `tidegate` (HMAC-SHA256), with which it takes changes by messages of the DNS. */
  readonly secret: string;
  texts(name: string): Promise<readonly string[]>;
  log(): string;
  kill(): Promise<void>;
}

/** @param zones with TXT records by name, as zone files have them */
export async function startPdns(
  zones: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>,
): Promise<PowerDns> {
  const user = await daemonUser("nobody");
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await user.folder("tidegate-pdns-"));
  const file = folder.file("db");
  using database = new DatabaseSync(file);
  database.exec(await readFile(schema, "utf8"));
  database.close();
  await chmod(file, 0o666);
  const port = await freePort();
  const apiPort = await freePort();
  const token = "s3cret-api-key-of-ours";
  const daemon = user.start(findCommand("pdns_server") ?? "pdns_server", [
    ...["--no-config", "--daemon=no", "--guardian=no", "--disable-syslog", "--launch=gsqlite3"],
    ...[`--gsqlite3-database=${file}`, `--socket-dir=${folder.path}`, "--security-poll-suffix="],
    ...["--local-address=127.0.0.1", `--local-port=${port}`, "--cache-ttl=0"],
    ...["--query-cache-ttl=0", "--negquery-cache-ttl=0", "--zone-cache-refresh-interval=0"],
    ...["--webserver=yes", "--webserver-address=127.0.0.1", `--webserver-port=${apiPort}`],
    ...["--api=yes", `--api-key=${token}`, "--resolver=no", "--dnsupdate=yes"],
  ]);
  const kill = async () => {
    if (!daemon.hasEnded()) await daemon.end("SIGKILL");
  };
  stack.defer(kill);
  const url = `http://127.0.0.1:${apiPort}`;
  const call = (path: string, body?: unknown, method = body === undefined ? "GET" : "POST") =>
    fetch(`${url}/api/v1/servers/localhost${path}`, {
      method,
      headers: { "X-API-Key": token },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  await eventually(
    "PowerDNS to answer",
    async () => {
      if (daemon.hasEnded()) throw new Error(`pdns_server ended:\n${daemon.log()}`);
      const answer = await call("").catch(() => undefined); // not yet
      return answer?.ok;
    },
    20_000,
  );
  const secret = randomBytes(32).toString("base64");
  await call("/tsigkeys", { name: "tidegate", algorithm: "hmac-sha256", key: secret });
  for (const [zone, texts] of Object.entries(zones)) {
    const rrsets = Object.entries(texts).map(([name, contents]) => ({
      ...{ name: `${name}.`, type: "TXT", ttl: 7 },
      records: contents.map((content) => ({ content, disabled: false })),
    }));
    const made = { name: `${zone}.`, kind: "Native", nameservers: [`ns.${zone}.`], rrsets };
    const answer = await call("/zones", made);
    if (answer.status !== 201) throw new Error(`PowerDNS said ${await answer.text()}`);
    const place = `/zones/${zone}./metadata/TSIG-ALLOW-DNSUPDATE`;
    const granted = await call(
      place,
      { kind: "TSIG-ALLOW-DNSUPDATE", metadata: ["tidegate"] },
      "PUT",
    );
    if (!granted.ok) throw new Error(`PowerDNS said ${await granted.text()}`);
  }
  const resolver = new Resolver({ timeout: 500, tries: 4 });
  resolver.setServers([`127.0.0.1:${port}`]);
  const held = stack.move();
  return {
    ...{ address: `127.0.0.1:${port}`, url, token, secret, kill },
    async texts(name) {
      const found = await resolver.resolveTxt(name).catch(() => []); // none
      return found.map((parts) => parts.join("")).toSorted();
    },
    log: () => daemon.log(),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
