// Services with an API of their own: which of their zones a name is in, and what of its texts is ours. What they differ in is a
// `DnsService`. Looked at before each change, so that a try after a lost answer finds what was done.

import { dnsChangeLimits as limits } from "../../config/acme-limits.ts";
import type { DnsProvider } from "./provider.ts";
import { DnsTrouble, tried } from "./tries.ts";

/** A TXT record that is there. */
export interface Text {
  readonly value: string;
  /** What the service calls it; "" where it goes by its value. */
  readonly id: string;
}

export interface Zone {
  /** What the service calls it. */
  readonly id: string;
  readonly name: string;
}

/** Methods reject with a DnsTrouble. */
export interface DnsService {
  /** For messages. */
  readonly who: string;
  /** What to look at when a zone is not found. */
  readonly advice: string;
  /** The zone of exactly this name; undefined = there is none that we may see. */
  zone(name: string, signal: AbortSignal): Promise<Zone | undefined>;
  texts(zone: Zone, name: string, signal: AbortSignal): Promise<readonly Text[]>;
  /** @param known what is there already */
  add(
    place: { readonly zone: Zone; readonly name: string; readonly known: readonly Text[] },
    value: string,
    signal: AbortSignal,
  ): Promise<void>;
  remove(
    place: { readonly zone: Zone; readonly name: string; readonly known: readonly Text[] },
    text: Text,
    signal: AbortSignal,
  ): Promise<void>;
}

export function apiProvider(service: DnsService): DnsProvider {
  const look = async (name: string, signal: AbortSignal) => {
    const zone = await zoneOf(service, name, signal);
    return { zone, name, known: await service.texts(zone, name, signal) };
  };
  return {
    set: (name, value, signal) =>
      tried(
        service.who,
        async (ending) => {
          const place = await look(name, ending);
          const isThere = place.known.some((each) => each.value === value);
          if (!isThere) await service.add(place, value, ending);
        },
        signal,
      ),
    remove: (name, value, signal) =>
      tried(
        service.who,
        async (ending) => {
          const place = await look(name, ending);
          for (const text of place.known.filter((each) => each.value === value)) {
            await service.remove(place, text, ending);
          }
        },
        signal,
      ),
  };
}

async function zoneOf(service: DnsService, name: string, signal: AbortSignal): Promise<Zone> {
  const labels = name.split(".");
  // The longest first: what is delegated further is not in the zone above.
  const names = labels.map((_, at) => labels.slice(at).join(".")).slice(-limits.zones);
  for (const each of names) {
    const zone = await service.zone(each, signal);
    if (zone !== undefined) return zone;
  }
  throw new DnsTrouble(`${service.who} has no zone for ${name}; ${service.advice}`);
}

/** `_acme-challenge.www` of the zone example.com; "@" for the zone itself. */
export function nameWithin(zone: Zone, name: string): string {
  return name === zone.name ? "@" : name.slice(0, -zone.name.length - 1);
}

/** Texts as zone files have them: one or more strings in quotes (RFC 1035 section 5.1). Some services leave the quotes out. */
export function textIn(content: string): string {
  if (!content.startsWith('"')) return content;
  const parts = content.matchAll(/"((?:[^"\\]|\\.)*)"/g);
  return Array.from(parts, ([, part = ""]) => part.replace(/\\(.)/g, "$1")).join("");
}

/** What goes there has no quotes and no backslashes in it: it is base64url of a digest. */
export function quoted(value: string): string {
  return `"${value}"`;
}
