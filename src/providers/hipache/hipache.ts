// Hipache's layout in Redis, served as it is, with the certificates that others put beside it: its users and their tools go on with RPUSH, LREM and DEL. Nothing is
// ever written there but what Hipache itself writes, its marks of dead backends.

import type { HipacheSettings } from "../../config/source-settings.ts";
import type { Log } from "../../lib/log.ts";
import { hostMark } from "../../config/certificate-item.ts";
import { Items, type Stored } from "../items.ts";
import type { DeadBackend, Gathered, Source } from "../provider.ts";
import type { RedisConnection } from "../redis/connection.ts";
import type { Keys } from "../redis/kept-keys.ts";
import { followKeys } from "../redis/keyspace.ts";
import { storedText } from "../redis/read-text.ts";
import { candidatesOf, deadIn, type DeadSet } from "./dead-set.ts";
import { beatenBy, Findings } from "./findings.ts";
import type { Frontend } from "./frontend.ts";
import {
  type Asked,
  type Held,
  readCertificateKey,
  readDeadKey,
  readFrontendKey,
  sizeOf,
} from "./held.ts";
import { Telling } from "./telling.ts";

export function hipacheSource(settings: HipacheSettings, { log }: { readonly log: Log }): Source {
  const frontends = new Frontends(settings);
  let telling: Telling | undefined;
  return {
    name: settings.name,
    tellDead({ service, backend }) {
      const frontend = frontends.of(service);
      if (frontend !== undefined) telling?.tell(frontend, backend);
    },
    async *catalogs(signal) {
      using own = new Telling(settings, log);
      telling = own;
      const { name, read: server, prefix } = settings;
      const prefixes = ["frontend:", "dead:", hostMark].map((each) => `${prefix}${each}`);
      const read = (connection: RedisConnection, key: string, before?: Held) =>
        readKey(settings, connection, { key, before });
      const options = { name, log, server, prefixes, read, sizeOf };
      for await (const keys of followKeys<Held>(options, signal)) yield frontends.gather(keys);
    },
  };
}

function readKey(
  settings: HipacheSettings,
  connection: RedisConnection,
  asked: Asked,
): Promise<Held | undefined> {
  const rest = asked.key.slice(settings.prefix.length);
  if (rest.startsWith("frontend:")) return readFrontendKey(settings, connection, asked);
  return rest.startsWith(hostMark)
    ? readCertificateKey(connection, asked)
    : readDeadKey(connection, asked);
}

type ListHeld = Extract<Held, { kind: "frontend" }>;

/** The list of each host. */
class Frontends {
  readonly #settings: HipacheSettings;
  #keys: Keys<Held> | undefined;
  /** By host: those written otherwise than requests are compared. */
  #odd: ReadonlyMap<string, Frontend> = new Map();
  readonly #certificates: Items;

  constructor(settings: HipacheSettings) {
    this.#settings = settings;
    this.#certificates = new Items(settings, "hipache");
  }

  /** Of the name of a service. */
  of(service: string): Frontend | undefined {
    return this.#find(service.slice(0, -`@${this.#settings.name}`.length));
  }

  #find(host: string): Frontend | undefined {
    const held = this.#keys?.get(`${this.#settings.prefix}frontend:${host}`);
    const exact = held?.kind === "frontend" && held.isExact ? held.frontend : undefined;
    return exact ?? this.#odd.get(host);
  }

  #certificateAt(key: string) {
    const name = key.slice(this.#settings.prefix.length);
    return { section: "certificates", name } as const;
  }

  // Each change of one among ten thousand comes here: nothing is put into maps that is not odd.
  gather(keys: Keys<Held>): Gathered {
    this.#keys = keys;
    this.#odd = new Map();
    const exact: Frontend[] = [];
    const sets: [key: string, set: DeadSet][] = [];
    const odd: [key: string, held: ListHeld][] = [];
    const kept: Stored[] = [];
    const findings = new Findings(this.#settings);
    for (const [key, held] of keys.entries()) {
      if (held.kind === "dead") sets.push([key, held.set]);
      else if (held.kind === "certificate")
        kept.push(storedText(this.#certificateAt(key), held.held, key));
      else if (held.frontend !== undefined && held.isExact) {
        exact.push(held.frontend);
        findings.add(key, held.frontend, held.notes);
      } else odd.push([key, held]);
    }
    const all = [...exact, ...this.#settle(odd, findings)];
    const certificates = this.#certificates.gather(kept);
    return {
      collection: {
        provider: this.#settings.name,
        hosts: this.#settings.hosts,
        routes: all.map(({ route }) => route),
        streamRoutes: [],
        services: all.map(({ service }) => service),
        overlays: [],
        certificates: certificates.collection.certificates,
      },
      findings: [...findings.all(keys.left), ...certificates.findings],
      dead: this.#dead(sets),
    };
  }

  /** Of several for one host the one that is written as requests are compared counts, or else the last one. */
  #settle(odd: readonly (readonly [key: string, held: ListHeld])[], findings: Findings) {
    const found = new Map<string, Frontend>();
    for (const [, { frontend }] of odd) {
      if (frontend !== undefined && this.#find(frontend.host) === undefined) {
        found.set(frontend.host, frontend);
      }
    }
    this.#odd = found;
    for (const [key, { frontend, notes }] of odd) {
      const winner = frontend === undefined ? undefined : this.#find(frontend.host);
      if (winner === frontend) findings.add(key, frontend, notes);
      else if (winner !== undefined) findings.add(key, undefined, [beatenBy(winner), ...notes]);
    }
    return found.values();
  }

  #dead(sets: readonly (readonly [key: string, set: DeadSet])[]): DeadBackend[] {
    const now = Date.now();
    const latest = new Map<string, DeadBackend>();
    for (const [key, set] of sets) {
      if (set.until <= now) continue;
      const host = key.slice(`${this.#settings.prefix}dead:`.length).toLowerCase();
      const frontend = candidatesOf(host)
        .map((each) => this.#find(each))
        .find((each) => each !== undefined);
      for (const dead of frontend === undefined ? [] : deadIn(set, frontend)) {
        const name = `${dead.service} ${dead.backend}`;
        if ((latest.get(name)?.until ?? 0) < dead.until) latest.set(name, dead);
      }
    }
    return [...latest.values()];
  }
}
