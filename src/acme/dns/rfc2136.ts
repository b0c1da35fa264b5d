// Changes of the DNS by its own protocol (RFC 2136), as BIND, Knot and PowerDNS know it. Whose zone a name
// is in says the server itself. Everything is signed, the questions as well: servers may show zones by the key.

import { randomInt } from "node:crypto";
import { dnsChangeLimits as limits } from "../../config/acme-limits.ts";
import type { UpdateSettings } from "../../config/acme-settings.ts";
import { type DnsAnswer, readAnswer, recordTypes, updateMessage, zoneQuestion } from "./message.ts";
import type { DnsProvider } from "./provider.ts";
import { tcpAnswer } from "./tcp-question.ts";
import { DnsTrouble, tried } from "./tries.ts";
import { signatureOf, signed, tsigErrors } from "./tsig.ts";

/** @param clock ms */
export function updateProvider(settings: UpdateSettings, clock = Date.now): DnsProvider {
  const { host, port } = settings;
  const who = `the name server ${host.includes(":") ? `[${host}]` : host}:${port}`;
  const server = { settings, who, clock };
  const change = (name: string, value: string, isRemoval: boolean, signal: AbortSignal) =>
    tried(
      who,
      async (ending) => {
        const zone = await zoneOf(server, name, ending);
        const make = (id: number) => updateMessage(id, { zone, name, value, isRemoval });
        const answer = await asked(server, make, ending);
        if (answer.code !== 0) throw refusal(server, answer.code, zone);
      },
      signal,
    );
  return {
    set: (name, value, signal) => change(name, value, false, signal),
    remove: (name, value, signal) => change(name, value, true, signal),
  };
}

interface Server {
  readonly settings: UpdateSettings;
  readonly who: string;
  readonly clock: () => number;
}

async function zoneOf(server: Server, name: string, signal: AbortSignal): Promise<string> {
  const { settings, who } = server;
  const { zone, place } = settings;
  if (zone !== undefined) {
    if (isWithin(name, zone)) return zone;
    throw new DnsTrouble(
      `${name} is not in the zone ${zone} of ${who}; leave out zone at ${place}, and it is found`,
    );
  }
  const answer = await asked(server, (id) => zoneQuestion(id, name), signal);
  // A name that is not there is answered with the zone where it would be (RFC 2308 section 3).
  const found = answer.records.find(
    (each) => each.type === recordTypes.soa && isWithin(name, each.name),
  );
  if (answer.isAuthoritative && found !== undefined) return found.name;
  if (answer.code === codes.serverFailure) throw refusal(server, answer.code, undefined);
  throw new DnsTrouble(
    `${who} has no zone for ${name}, or does not show it to the key ${settings.key.name}; name the primary server of that zone at ${place}`,
  );
}

function isWithin(name: string, zone: string): boolean {
  return name === zone || name.endsWith(`.${zone}`);
}

/** What it answered, under its signature. */
async function asked(
  server: Server,
  make: (id: number) => Buffer,
  signal: AbortSignal,
): Promise<DnsAnswer> {
  const { settings, who, clock } = server;
  const { host, port, key, place } = settings;
  const id = randomInt(0x1_0000);
  const { bytes, mac } = signed(make(id), key, clock());
  const answer = readAnswer(await tcpAnswer({ host, port, who, place }, bytes, signal));
  if (answer === undefined || answer.id !== id) {
    throw new DnsTrouble(`${who} answers with something that is no answer of a name server`);
  }
  const signature = signatureOf(answer, key, mac);
  switch (signature.kind) {
    case "bad":
      throw new DnsTrouble(
        `the answer of ${who} is not signed by the key ${key.name}; somebody in between may have changed it`,
      );
    case "none":
      throw unsigned(server, answer.code, signature.error);
    case "good":
      if (signature.error === tsigErrors.badTime || isFar(signature.time, clock())) {
        throw wrongClock(server, signature.time);
      }
      return answer;
  }
}

function isFar(time: number, now: number): boolean {
  return Math.abs(time - now) > limits.fudge * 1000;
}

function wrongClock({ who, clock }: Server, time: number): DnsTrouble {
  const seconds = Math.round(Math.abs(time - clock()) / 1000);
  return new DnsTrouble(
    `the clock of ${who} is ${seconds} s ${time > clock() ? "before" : "behind"} ours, and signatures are good for ${limits.fudge} s; set both by NTP`,
  );
}

function unsigned(server: Server, code: number, error: number): DnsTrouble {
  const { settings, who } = server;
  const { name, algorithm } = settings.key;
  const see = `see ${settings.place}`;
  switch (error) {
    case tsigErrors.badKey:
      return new DnsTrouble(
        `${who} knows no key ${name} for ${algorithm}; name and algorithm must be as they are there; ${see}`,
      );
    case tsigErrors.badSignature:
      return new DnsTrouble(
        `${who} has another secret for the key ${name}, or another algorithm than ${algorithm}; ${see}`,
      );
  }
  // Under a signature it is about the zone; without one it is about ours, and some say no more (RFC 8945 section 5.2).
  if (code === codes.notAuthoritative) {
    return new DnsTrouble(
      `${who} does not take what is signed by the key ${name} (NOTAUTH); name, algorithm and secret must be as they are there; ${see}`,
    );
  }
  if (code !== 0) return refusal(server, code, undefined);
  return new DnsTrouble(`the answer of ${who} is not signed; does it know the key ${name}?`);
}

const codes = {
  badFormat: 1,
  serverFailure: 2,
  unknownOperation: 4,
  refused: 5,
  notAuthoritative: 9,
  notZone: 10,
} as const;

function refusal({ settings, who }: Server, code: number, zone: string | undefined): DnsTrouble {
  const { key, place } = settings;
  const what = zone === undefined ? "" : ` of the zone ${zone}`;
  switch (code) {
    case codes.serverFailure:
      return new DnsTrouble(
        `${who} could not do it (SERVFAIL); its log says why: it may not be able to write the files${what}`,
        { isPassing: true },
      );
    case codes.refused:
      return new DnsTrouble(
        `${who} refuses changes${what} by the key ${key.name} (REFUSED); let it change TXT records there: update-policy { grant ${key.name} zonesub TXT; } in BIND`,
      );
    case codes.notAuthoritative:
    case codes.notZone:
      return new DnsTrouble(
        `${who} is not the primary server${what} (${code === codes.notZone ? "NOTZONE" : "NOTAUTH"}); name that one at ${place}`,
      );
    case codes.badFormat:
    case codes.unknownOperation:
      return new DnsTrouble(`${who} knows no changes by messages of the DNS; see ${place}`);
    default:
      return new DnsTrouble(`${who} does not change the records${what}: it answers ${code}`);
  }
}
