// A real name server that takes changes: BIND's named, in a folder of its own, on a port of its own, as nobody. It is the primary of the
// zones it is told, is its own root, and asks nobody else. Guard the test with `needs(...namedNeeds)`.

import { randomBytes } from "node:crypto";
import { Resolver } from "node:dns/promises";
import { copyFile, writeFile } from "node:fs/promises";
import { eventually } from "./barrier.ts";
import { daemonUser } from "./daemon.ts";
import { freePort } from "./free-port.ts";
import { findCommand } from "./needs.ts";

export const namedNeeds = ["named", "setpriv"] as const;

export interface NamedOptions {
  /** By its name: its records as a zone file has them, without SOA and NS. */
  readonly zones: Readonly<Record<string, string>>;
  /** Zones that the key may not change. */
  readonly closed?: readonly string[];
  readonly algorithm?: "hmac-sha256" | "hmac-sha384" | "hmac-sha512";
  readonly address?: string;
  readonly port?: number;
  /** Names and addresses of the name servers of each zone. By default one, at this address. */
  readonly servers?: Readonly<Record<string, string>>;
}

export interface Named extends AsyncDisposable {
  readonly port: number;
  /** `address:port` */
  readonly address: string;
  /** Base64, of the key `tidegate`. */
  readonly secret: string;
  texts(name: string): Promise<readonly string[]>;
  /** Names that were asked for by anybody, and of what type: `TXT a.test`. */
  asked(): readonly string[];
  log(): string;
  kill(): Promise<void>;
}

export async function startNamed(options: NamedOptions): Promise<Named> {
  const { zones, algorithm = "hmac-sha256", address = "127.0.0.1" } = options;
  const user = await daemonUser("nobody");
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await user.folder("tidegate-named-"));
  const port = options.port ?? (await freePort());
  const secret = randomBytes(32).toString("base64");
  const servers = options.servers ?? { "ns.root-of-ours": address };
  const hosts = Object.entries(servers).map(([name, each]) => `${name}. A ${each}\n`);
  const all = { ...zones, ".": hosts.join("") };
  const sections = [`key "tidegate" { algorithm ${algorithm}; secret "${secret}"; };`];
  for (const [at, [zone, records]] of Object.entries(all).entries()) {
    const file = folder.file(`zone-${at}`);
    await writeFile(file, zoneText(Object.keys(servers), records));
    const isOpen = zone !== "." && options.closed?.includes(zone) !== true;
    const policy = isOpen ? "update-policy { grant tidegate zonesub TXT; };" : "";
    sections.push(`zone "${zone}" { type primary; file "${file}"; ${policy} };`);
  }
  await writeFile(folder.file("named.conf"), optionsText(folder.path, address, port, sections));
  // A copy: AppArmor keeps the one of the system out of folders like ours.
  await copyFile(findCommand("named") ?? "named", folder.file("named"));
  const daemon = user.start(folder.file("named"), [
    "-g",
    "-n",
    "1",
    "-c",
    folder.file("named.conf"),
  ]);
  const kill = async () => {
    if (!daemon.hasEnded()) await daemon.end("SIGKILL");
  };
  stack.defer(kill);
  const resolver = new Resolver({ timeout: 500, tries: 4 });
  resolver.setServers([`${address}:${port}`]);
  const [first = ""] = Object.keys(zones);
  await eventually(
    "named to answer",
    async () => {
      if (daemon.hasEnded()) throw new Error(`named ended:\n${daemon.log()}`);
      return resolver.resolveSoa(first).catch(() => undefined); // not yet
    },
    10_000,
  );
  const held = stack.move();
  return {
    port,
    address: `${address}:${port}`,
    secret,
    async texts(name) {
      const found = await resolver.resolveTxt(name).catch(() => []); // none
      return found.map((parts) => parts.join("")).toSorted();
    },
    asked: () =>
      [...daemon.log().matchAll(/query: (\S+) IN (\S+) /g)].map(
        ([, name, type]) => `${type} ${name}`,
      ),
    log: () => daemon.log(),
    kill,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function zoneText(servers: readonly string[], records: string): string {
  const [first = ""] = servers;
  const lines = servers.map((each) => `@ NS ${each}.`);
  return `$TTL 1\n@ SOA ${first}. admin.${first}. 1 60 60 60 1\n${lines.join("\n")}\n${records}\n`;
}

function optionsText(
  folder: string,
  address: string,
  port: number,
  sections: readonly string[],
): string {
  const words = [
    `directory "${folder}"`,
    `listen-on port ${port} { ${address}; }`,
    ...["listen-on-v6 { none; }", "pid-file none", "querylog yes", "notify no"],
    ...["recursion yes", "allow-recursion { any; }", "dnssec-validation no"],
    `session-keyfile "${folder}/session.key"`,
    `managed-keys-directory "${folder}"`,
  ];
  return `options { ${words.join("; ")}; };\ncontrols { };\n${sections.join("\n")}\n`;
}
