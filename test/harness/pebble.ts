// A real certificate authority for tests: pebble, which looks at what it is shown and refuses good nonces at random,
// and pebble-challtestsrv, its DNS, where every name leads to 127.0.0.1 until a test says otherwise. All in a folder
// and on ports of its own. Guard the test with `needs(...pebbleNeeds)`.

import { writeFile } from "node:fs/promises";
import { request } from "node:https";
import { eventually } from "./barrier.ts";
import { certificates } from "./certificates.ts";
import { type Daemon, daemonUser } from "./daemon.ts";
import { freePort } from "./free-port.ts";

export const pebbleNeeds = ["pebble", "pebble-challtestsrv", "openssl", "setpriv"] as const;

export interface PebbleOptions {
  /** Of the certificates, in seconds; by default five years. */
  readonly validity?: number;
  /** Percent of good nonces that it refuses; by default none. */
  readonly nonceReject?: number;
  /** Percent of valid authorizations that it remembers for the next order; by default none. */
  readonly reuse?: number;
  /** HMAC keys by key id: no account without one. */
  readonly bindings?: Readonly<Record<string, string>>;
  /** Further roots, each with a chain. */
  readonly alternateRoots?: number;
  /** Ports where it looks at http-01 and tls-alpn-01; by default free ones. */
  readonly httpPort?: number;
  readonly tlsPort?: number;
  /** `address:port` of a name server to ask instead of pebble-challtestsrv. */
  readonly nameServer?: string;
}

export interface Pebble extends AsyncDisposable {
  /** Address of its directory. */
  readonly directory: string;
  /** PEM of who signed the certificate of its own web server. */
  readonly ca: string;
  readonly httpPort: number;
  readonly tlsPort: number;
  /** `address:port` of its name server, and where that is told what it says. */
  readonly nameServer: string;
  readonly nameUrl: string;
  /** PEM of what signs the chains; new at every start. */
  root(index?: number): Promise<string>;
  /** What the DNS says: `set-txt`, `clear-txt`, `add-a`, `set-servfail` and the like. */
  dns(command: string, body: Readonly<Record<string, unknown>>): Promise<void>;
  log(): string;
  freeze(): void;
  thaw(): void;
  kill(): Promise<void>;
  /** After `kill`: on the same ports, without accounts and orders. */
  start(): Promise<void>;
}

export async function startPebble(options: PebbleOptions = {}): Promise<Pebble> {
  const user = await daemonUser("nobody");
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await user.folder("tidegate-pebble-"));
  const ports = await portsOf(options);
  const { ca, cert, key } = await certificates("localhost", "127.0.0.1");
  for (const [name, text] of Object.entries({ cert, key })) {
    await writeFile(folder.file(name), text);
  }
  const config = configuration(options, ports, (name) => folder.file(name));
  await writeFile(folder.file("config.json"), JSON.stringify(config));

  const names = user.start("pebble-challtestsrv", [
    ...["-dns01", `127.0.0.1:${ports.dns}`, "-management", `127.0.0.1:${ports.names}`],
    ...["-http01", "", "-https01", "", "-tlsalpn01", ""],
    ...["-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""],
  ]);
  stack.defer(() => names.end("SIGKILL"));
  let daemon: Daemon | undefined;
  const kill = async () => {
    const ending = daemon;
    daemon = undefined;
    if (ending !== undefined && !ending.hasEnded()) await ending.end("SIGKILL");
  };
  stack.defer(kill);
  const signal = (name: NodeJS.Signals) => {
    if (daemon !== undefined && !daemon.hasEnded()) process.kill(daemon.pid, name);
  };
  const pebble: Omit<Pebble, keyof AsyncDisposable> = {
    directory: `https://127.0.0.1:${ports.directory}/dir`,
    ca,
    httpPort: ports.http,
    tlsPort: ports.tls,
    nameServer: `127.0.0.1:${ports.dns}`,
    nameUrl: `http://127.0.0.1:${ports.names}`,
    root: (index = 0) => textAt(`https://127.0.0.1:${ports.management}/roots/${index}`, ca),
    async dns(command, body) {
      const url = `http://127.0.0.1:${ports.names}/${command}`;
      const answer = await fetch(url, { method: "POST", body: JSON.stringify(body) });
      if (!answer.ok) throw new Error(`pebble-challtestsrv answered ${answer.status}`);
    },
    log: () => daemon?.log() ?? "",
    freeze: () => signal("SIGSTOP"),
    thaw: () => signal("SIGCONT"),
    kill,
    async start() {
      const dns = options.nameServer ?? `127.0.0.1:${ports.dns}`;
      const words = ["-strict", "-config", folder.file("config.json"), "-dnsserver", dns];
      const started = user.start("env", [...environment(options), "pebble", ...words]);
      daemon = started;
      await eventually(
        "pebble to answer",
        async () => {
          if (started.hasEnded()) throw new Error(`pebble ended:\n${started.log()}`);
          return textAt(pebble.directory, ca).catch(() => undefined); // not yet
        },
        20_000,
      );
    },
  };
  await pebble.start();
  // Only it can tell that it is up, by what it is told.
  await eventually("pebble-challtestsrv to answer", async () => {
    if (names.hasEnded()) throw new Error(`pebble-challtestsrv ended:\n${names.log()}`);
    const told = pebble.dns("clear-txt", { host: "none.test." });
    return told.then(() => true).catch(() => undefined); // not yet
  });
  const held = stack.move();
  return { ...pebble, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

async function portsOf({ httpPort, tlsPort }: PebbleOptions) {
  return {
    directory: await freePort(),
    management: await freePort(),
    dns: await freePort(),
    names: await freePort(),
    http: httpPort ?? (await freePort()),
    tls: tlsPort ?? (await freePort()),
  };
}

function configuration(
  { validity, bindings }: PebbleOptions,
  ports: Awaited<ReturnType<typeof portsOf>>,
  file: (name: string) => string,
) {
  const pebble = {
    listenAddress: `127.0.0.1:${ports.directory}`,
    managementListenAddress: `127.0.0.1:${ports.management}`,
    certificate: file("cert"),
    privateKey: file("key"),
    httpPort: ports.http,
    tlsPort: ports.tls,
    ocspResponderURL: "",
    externalAccountBindingRequired: bindings !== undefined,
    externalAccountMACKeys: bindings ?? {},
    certificateValidityPeriod: validity ?? 157_766_400,
  };
  return { pebble };
}

/** It is not told to believe everything (PEBBLE_VA_ALWAYS_VALID), and does not wait before it looks. */
function environment({ nonceReject = 0, reuse = 0, alternateRoots = 0 }: PebbleOptions) {
  return [
    "PEBBLE_VA_NOSLEEP=1",
    `PEBBLE_WFE_NONCEREJECT=${nonceReject}`,
    `PEBBLE_AUTHZREUSE=${reuse}`,
    `PEBBLE_ALTERNATE_ROOTS=${alternateRoots}`,
  ];
}

async function textAt(url: string, ca: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const asked = request(url, { ca, agent: false, timeout: 3000 }, (response) => {
    let text = "";
    response.setEncoding("utf8").on("data", (more: string) => (text += more));
    response.on("error", reject).on("end", () => resolve(text));
  });
  asked.on("timeout", () => asked.destroy(new Error("no answer")));
  asked.on("error", reject).end();
  return promise;
}
