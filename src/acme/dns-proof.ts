// A proof in the DNS (dns-01): the record is set where the name leads to, and the authority is told when those who answer for the
// zone show it. When that cannot be seen from here the authority looks all the same: it decides, and not our view of the DNS.

import { Resolver } from "node:dns/promises";
import { setTimeout as pause } from "node:timers/promises";
import { acmeLimits as limits } from "../config/acme-limits.ts";
import type { DnsSettings } from "../config/acme-settings.ts";
import { normaliseHost } from "../lib/host.ts";
import type { DnsProvider } from "./dns/provider.ts";

export interface DnsRecord {
  readonly name: string;
  readonly value: string;
}

/** @param name `_acme-challenge.example.com`; whoever cannot change that zone lets it lead to another one (CNAME) */
export async function recordFor(
  name: string,
  value: string,
  { resolvers }: DnsSettings,
  signal: AbortSignal,
): Promise<DnsRecord> {
  using asking = new Asking(resolvers, signal);
  let at = name;
  for (let round = 0; round < limits.aliases; round++) {
    const [next] = await asking.resolver.resolveCname(at).catch(() => []); // mostly there is none
    // A name in the DNS may be any bytes; a hook gets it as a word.
    const found = next === undefined ? undefined : normaliseHost(next);
    if (found === undefined || found.startsWith("-")) break;
    at = found;
  }
  return { name: at, value };
}

export async function setRecords(
  provider: DnsProvider,
  records: readonly DnsRecord[],
  settings: DnsSettings,
  signal: AbortSignal,
): Promise<void> {
  // One after the other: two values of one name would be two changes of the same record at once.
  for (const { name, value } of records) await provider.set(name, value, signal);
  const end = performance.now() + settings.wait;
  await Promise.all(records.map((each) => seen(each, settings, { end, signal })));
}

interface Waiting {
  readonly end: number;
  readonly signal: AbortSignal;
}

async function seen(
  { name, value }: DnsRecord,
  { resolvers }: DnsSettings,
  { end, signal }: Waiting,
): Promise<void> {
  while (performance.now() < end) {
    signal.throwIfAborted();
    const servers = resolvers.length > 0 ? resolvers : await serversOf(name, signal);
    const all = await Promise.all(servers.map((each) => isShown(each, { name, value }, signal)));
    if (all.length > 0 && all.every(Boolean)) return;
    await pause(Math.min(limits.dnsPause, Math.max(0, end - performance.now())), undefined, {
      signal,
    });
  }
}

async function isShown(
  server: string,
  { name, value }: DnsRecord,
  signal: AbortSignal,
): Promise<boolean> {
  using asking = new Asking([server], signal);
  const found = await asking.resolver.resolveTxt(name).catch(() => []); // not yet
  return found.some((parts) => parts.join("") === value);
}

/** Addresses of the name servers of the zone that the name is in; none when nobody says. */
async function serversOf(name: string, signal: AbortSignal): Promise<readonly string[]> {
  using asking = new Asking([], signal);
  const { resolver } = asking;
  const labels = name.split(".");
  // An alias may lead to the top of a zone, and within a house a zone may be called `lan`.
  for (let from = 0; from < labels.length; from++) {
    const zone = labels.slice(from).join(".");
    const names = await resolver.resolveNs(zone).catch(() => []); // no zone begins here
    if (names.length === 0) continue;
    const found = names.slice(0, limits.dnsServers).map(async (each) => {
      const old = await resolver.resolve4(each).catch(() => []); // perhaps it only has a newer one
      if (old.length > 0) return old;
      return resolver.resolve6(each).catch(() => []); // another one will do
    });
    return (await Promise.all(found)).flat().slice(0, limits.dnsServers);
  }
  return [];
}

/** Questions that end when the signal is aborted, which they do not by themselves. */
class Asking implements Disposable {
  readonly resolver = new Resolver({ timeout: limits.dnsTimeout, tries: 2 });
  readonly #signal: AbortSignal;
  readonly #cancel = () => this.resolver.cancel();

  /** @param servers empty = those of the system */
  constructor(servers: readonly string[], signal: AbortSignal) {
    signal.throwIfAborted();
    if (servers.length > 0) this.resolver.setServers(servers);
    this.#signal = signal;
    signal.addEventListener("abort", this.#cancel, { once: true });
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener("abort", this.#cancel);
  }
}
