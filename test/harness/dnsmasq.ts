// A real DNS server of our own, dnsmasq, on a port of 127.0.0.1: it knows the names it is told and no others.
// Guard the test with `needs(...dnsmasqNeeds)`.

import { Resolver } from "node:dns/promises";
import { eventually } from "./barrier.ts";
import { daemonUser } from "./daemon.ts";
import { freePort } from "./free-port.ts";

export const dnsmasqNeeds = ["dnsmasq", "setpriv"] as const;

export interface Dnsmasq extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Names that were asked for, in order, over UDP or TCP. */
  asked(): string[];
  log(): string;
  kill(): Promise<void>;
}

export interface DnsmasqOptions {
  /** Addresses by name. */
  readonly hosts: Readonly<Record<string, string>>;
  /** TXT records by name. */
  readonly texts?: Readonly<Record<string, string>>;
  readonly port?: number;
  /** How long the addresses may be remembered, in seconds. By default 0. */
  readonly ttl?: number;
  /** All that there is below these names is known: others do not exist, where it would refuse to answer. */
  readonly domains?: readonly string[];
}

export async function startDnsmasq({
  hosts,
  texts = {},
  port,
  ttl,
  domains = [],
}: DnsmasqOptions): Promise<Dnsmasq> {
  const user = await daemonUser("nobody");
  const own = port ?? (await freePort());
  const daemon = user.start("dnsmasq", [
    ...["--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--no-poll"],
    ...["--log-queries", "--log-facility=-", "--pid-file", "--cache-size=0"],
    ...["--listen-address=127.0.0.1", "--bind-interfaces", `--port=${own}`],
    ...Object.entries(hosts).map(([name, address]) =>
      [`--host-record=${name}`, address, ...(ttl === undefined ? [] : [ttl])].join(","),
    ),
    ...domains.map((name) => `--local=/${name}/`),
    ...Object.entries(texts).map(([name, text]) => `--txt-record=${name},${text}`),
  ]);
  const resolver = new Resolver({ timeout: 200, tries: 1 });
  resolver.setServers([`127.0.0.1:${own}`]);
  const [first = ""] = Object.keys(hosts);
  try {
    await eventually(
      "dnsmasq to answer",
      async () => {
        if (daemon.hasEnded()) throw new Error(`dnsmasq ended:\n${daemon.log()}`);
        return resolver.resolve4(first).catch(() => undefined); // not yet
      },
      10_000,
    );
  } catch (error) {
    await daemon.end("SIGKILL");
    throw error;
  }
  return {
    port: own,
    url: `udp://127.0.0.1:${own}`,
    asked: () =>
      [...daemon.log().matchAll(/query\[\w+\] (\S+) from/g)].map(([, name = ""]) => name),
    log: () => daemon.log(),
    kill: () => daemon.end("SIGKILL"),
    [Symbol.asyncDispose]: async () => {
      if (!daemon.hasEnded()) await daemon.end("SIGKILL");
    },
  };
}
