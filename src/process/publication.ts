// How a snapshot reaches the workers: as text made once for all of them, or as the difference to the snapshot
// they have. What did not change keeps its identity in a worker, so that compiling it again costs nothing.
//
// The text is JSON, in which `undefined` is left out; nothing else in a snapshot is lost. Two things are not
// as in the snapshot. Settings that most routes and services have in common stand there once. And where an
// item was written stays with the primary: workers do not ask, and a line more at the top of a file must not
// change every route below it.
//
// Certificates are as many as routes, and some kilobytes each: they are compared and sent like these, one by one.

import type { Certificate, Credentials } from "../config/certificate.ts";
import type { LiveDocument } from "../config/documents.ts";
import type { Service } from "../config/service.ts";
import type { ExchangeTimeouts, Route, Snapshot } from "../config/snapshot.ts";
import {
  type BackendSettings,
  type Common,
  elsewhere,
  type Publication,
  type Reference,
  type SentCertificate,
  type SentRoute,
  type SentService,
} from "./sent.ts";
import { type ServiceText, servicesSince, textsSince } from "./text-changes.ts";

/** A snapshot as texts, to be compared and put together. */
interface Texts extends CredentialTexts {
  readonly documents: readonly DocumentText[];
  readonly version: number;
  readonly common: string;
  readonly rest: string;
  readonly routes: readonly string[];
  readonly services: readonly ServiceText[];
}

interface DocumentText {
  /** As JSON, both. */
  readonly name: string;
  readonly text: string;
}

interface CredentialTexts {
  readonly certificates: readonly string[];
  readonly credentials: string;
}

/** With more distinct values than this there is little in common; the rest is written out in place. */
const maxCommon = 256;

class CommonValues<T extends object> {
  readonly values: T[] = [];
  readonly #places = new Map<string, number>();

  refer(value: T): Reference<T> {
    const text = JSON.stringify(value);
    const place = this.#places.get(text);
    if (place !== undefined) return place;
    if (this.values.length >= maxCommon) return value;
    this.#places.set(text, this.values.length);
    return this.values.push(value) - 1;
  }
}

/** What did not change is the same object in the next snapshot; making its text is most of the work. */
class MadeOnce<Value extends object, Made extends object | string> {
  readonly #make: (value: Value) => Made;
  readonly #all = new WeakMap<Value, Made>();
  /** Of the latest snapshot: most stand where they stood, and need not be looked up. */
  #values: readonly Value[] = [];
  #made: readonly Made[] = [];

  constructor(make: (value: Value) => Made) {
    this.#make = make;
  }

  of(values: readonly Value[]): readonly Made[] {
    const [before, made] = [this.#values, this.#made];
    this.#values = values;
    this.#made = values.map((value, at) => {
      const there = before[at] === value ? made[at] : undefined;
      return there ?? this.#one(value);
    });
    return this.#made;
  }

  #one(value: Value): Made {
    const known = this.#all.get(value);
    if (known !== undefined) return known;
    const made = this.#make(value);
    this.#all.set(value, made);
    return made;
  }
}

/** The primary's side: knows the latest snapshot and the one before. */
export class Publisher {
  // They outlive a snapshot, so that the same route has the same text in the next one.
  readonly #timeouts = new CommonValues<ExchangeTimeouts>();
  readonly #settings = new CommonValues<BackendSettings>();
  readonly #routeTexts = new MadeOnce((route: Route) => JSON.stringify(this.#sentRoute(route)));
  readonly #serviceTexts = new MadeOnce((service: Service): ServiceText => ({
    name: service.name,
    text: JSON.stringify(this.#sentService(service)),
  }));
  readonly #certificateTexts = new MadeOnce(certificateText);
  readonly #credentialTexts = new MadeOnce((all: Credentials): CredentialTexts => {
    const { certificates, ...others } = all;
    const texts = this.#certificateTexts.of(certificates);
    return { certificates: texts, credentials: JSON.stringify(others) };
  });
  readonly #documentTexts = new MadeOnce((document: LiveDocument) => JSON.stringify(document));
  #latest: Texts | undefined;
  #before: Texts | undefined;
  #complete: Publication | undefined;
  #difference: Publication | undefined;

  take(snapshot: Snapshot): void {
    this.#before = this.#latest;
    this.#latest = this.#textsOf(snapshot);
    this.#complete = undefined;
    this.#difference = undefined;
  }

  /**
   * The latest snapshot for a worker that was last sent this version (undefined = none yet), and has it as
   * the base of what comes next, whether it went live or not.
   */
  publicationFor(version: number | undefined): Publication {
    const latest = this.#latest;
    if (latest === undefined) throw new Error("no snapshot was taken yet");
    const before = this.#before;
    if (before !== undefined && before.version === version) {
      this.#difference ??= this.#smallerOf(latest, before);
      return this.#difference;
    }
    this.#complete ??= completeOf(latest);
    return this.#complete;
  }

  /** The difference, unless that is hardly less to send and more to do. */
  #smallerOf(latest: Texts, before: Texts): Publication {
    const difference = differenceOf(latest, before);
    if (difference.text.length * 2 < lengthOf(latest)) return difference;
    this.#complete ??= completeOf(latest);
    return this.#complete;
  }

  #textsOf(snapshot: Snapshot): Texts {
    // Who is told of alerts, whom we ask for containers with what key, and with what key operators are
    // answered, is no worker's business.
    const own = {
      ...{ alerts: undefined, admin: undefined, fleet: undefined, tests: [] },
      ...{
        providers: [],
        written: undefined,
        tls: { ...snapshot.tls, places: [], acme: undefined },
      },
    };
    const { routes, services, credentials, documents, ...rest } = { ...snapshot, ...own };
    const documentTexts = this.#documentTexts.of([...documents.values()]);
    const documentNames = [...documents.keys()];
    const sentRoutes = this.#routeTexts.of(routes);
    const sentServices = this.#serviceTexts.of([...services.values()]);
    const [sentCredentials] = this.#credentialTexts.of([credentials]);
    if (sentCredentials === undefined) throw new Error("credentials have no text");
    const common: Common = {
      timeouts: this.#timeouts.values,
      settings: this.#settings.values,
    };
    return {
      version: snapshot.version,
      common: JSON.stringify(common),
      rest: JSON.stringify(rest),
      ...sentCredentials,
      routes: sentRoutes,
      services: sentServices,
      documents: documentTexts.map((text, at) => {
        return { name: JSON.stringify(documentNames[at] ?? ""), text };
      }),
    };
  }

  #sentRoute(route: Route): SentRoute {
    return { ...route, origin: undefined, timeouts: this.#timeouts.refer(route.timeouts) };
  }

  #sentService(service: Service): SentService {
    if (service.kind !== "backends") return { ...service, origin: elsewhere };
    const { name, origin: _origin, kind: _kind, backends, absent, maintenance, ...rest } = service;
    return { name, backends, absent, maintenance, settings: this.#settings.refer(rest) };
  }
}

function certificateText({ origin: _origin, ...certificate }: Certificate): string {
  return JSON.stringify(certificate satisfies SentCertificate);
}

function completeOf(texts: Texts): Publication {
  const services = texts.services.map((each) => each.text);
  const documents = texts.documents.map(({ name, text }) => `[${name},${text}]`);
  const text = textOf(texts, { ...texts, services, documents, removed: [] });
  return { version: texts.version, base: undefined, text };
}

function differenceOf(latest: Texts, before: Texts): Publication {
  const { changed, removed } = servicesSince(latest.services, before.services);
  const text = textOf(latest, {
    ...{ routes: textsSince(latest.routes, before.routes), services: changed, removed },
    certificates: textsSince(latest.certificates, before.certificates),
    credentials: latest.credentials === before.credentials ? "null" : latest.credentials,
    documents: documentsSince(latest.documents, before.documents),
  });
  return { version: latest.version, base: before.version, text };
}

/** Each is long, and the text is the same one when nothing changed. */
function documentsSince(
  latest: readonly DocumentText[],
  before: readonly DocumentText[],
): readonly string[] {
  const known = new Map(before.map(({ name, text }) => [name, text]));
  return latest.map(({ name, text }) => `[${name},${known.get(name) === text ? "null" : text}]`);
}

interface SentTexts extends CredentialTexts {
  readonly documents: readonly string[];
  readonly routes: readonly string[];
  readonly services: readonly string[];
  readonly removed: readonly string[];
}

function textOf({ common, rest }: Texts, sent: SentTexts): string {
  const { routes, services, removed, certificates, credentials, documents } = sent;
  const lists = `"routes":[${routes.join()}],"services":[${services.join()}]`;
  const shown = `"certificates":[${certificates.join()}],"credentials":${credentials}`;
  const others = `"documents":[${documents.join()}],"removed":${JSON.stringify(removed)}`;
  return `{"common":${common},"rest":${rest},${lists},${shown},${others}}`;
}

/** About the length of the complete text. */
function lengthOf(texts: Texts): number {
  const { common, rest, routes, services, certificates, credentials, documents } = texts;
  let length = common.length + rest.length + credentials.length;
  for (const text of certificates) length += text.length + 1;
  for (const text of routes) length += text.length + 1;
  for (const { text } of services) length += text.length + 1;
  for (const { text } of documents) length += text.length;
  return length;
}
