// The worker's side of a publication: the snapshot, of its text and of the snapshot before.

import { type Credentials, noCredentials } from "../config/certificate.ts";
import { type Documents, noDocuments } from "../config/documents.ts";
import type { Service } from "../config/service.ts";
import type { Route, Snapshot } from "../config/snapshot.ts";
import {
  type Common,
  elsewhere,
  type Publication,
  type Reference,
  type Run,
  type Sent,
  type SentRoute,
  type SentService,
} from "./sent.ts";

/**
 * The published snapshot. What did not change is the base's own object.
 * Throws when the publication is the difference to another snapshot than `base`.
 */
export function assemble(base: Snapshot | undefined, publication: Publication): Snapshot {
  if (publication.base !== undefined && publication.base !== base?.version) {
    const has = base === undefined ? "none" : `version ${base.version}`;
    throw new Error(`a change to snapshot ${publication.base} came, but this process has ${has}`);
  }
  const old = publication.base === undefined ? undefined : base;
  const sent: Sent = JSON.parse(publication.text);
  const routes = routesFrom(sent, old?.routes ?? []);
  const credentials = credentialsFrom(sent, old?.credentials);
  const documents = documentsFrom(sent, old?.documents ?? noDocuments);
  return { ...sent.rest, routes, services: servicesFrom(sent, old), credentials, documents };
}

function documentsFrom({ documents }: Sent, old: Documents): Documents {
  const isSame = documents.length === old.size && documents.every(([, each]) => each === null);
  if (isSame) return old;
  return new Map(
    documents.map(([name, each]) => {
      const document = each ?? old.get(name);
      if (document === undefined)
        throw new Error(`a snapshot leans on ${name}, which it does not hold`);
      return [name, document];
    }),
  );
}

/** What did not change is the same object: lists of thousands of names are not made anew for a route. */
function credentialsFrom(
  { certificates, credentials }: Sent,
  old: Credentials | undefined,
): Credentials {
  const base = old ?? noCredentials;
  const [first, ...others] = certificates;
  const count = first === undefined ? 0 : isRun(first) ? first[1] : undefined;
  const isSame = others.length === 0 && count === base.certificates.length;
  if (isSame && credentials === null) return base;
  return {
    ...(credentials ?? base),
    certificates: isSame
      ? base.certificates
      : certificates.flatMap((each) => {
          if (isRun(each)) return base.certificates.slice(each[0], each[0] + each[1]);
          return [{ ...each, origin: elsewhere, staple: each.staple }];
        }),
  };
}

function routesFrom({ routes, common }: Sent, old: readonly Route[]): readonly Route[] {
  return routes.flatMap((each) => {
    return isRun(each) ? old.slice(each[0], each[0] + each[1]) : [routeFrom(each, common)];
  });
}

function isRun(each: object): each is Run {
  return Array.isArray(each);
}

function routeFrom(sent: SentRoute, common: Common): Route {
  return { ...sent, origin: elsewhere, timeouts: dereference(sent.timeouts, common.timeouts) };
}

function servicesFrom({ services, removed, common }: Sent, old: Snapshot | undefined) {
  const own = services.map((each): [string, Service] => [each.name, serviceFrom(each, common)]);
  if (old === undefined) return new Map(own);
  if (own.length + removed.length === 0) return old.services;
  const all = new Map(old.services);
  for (const [name, each] of own) all.set(name, each);
  for (const name of removed) all.delete(name);
  return all;
}

function serviceFrom(sent: SentService, common: Common): Service {
  if ("kind" in sent) return sent;
  const { name, backends, absent, maintenance } = sent;
  const settings = dereference(sent.settings, common.settings);
  return { kind: "backends", name, origin: elsewhere, backends, absent, maintenance, ...settings };
}

function dereference<T extends object>(reference: Reference<T>, values: readonly T[]): T {
  if (typeof reference !== "number") return reference;
  const value = values[reference];
  if (value === undefined) throw new Error("a snapshot refers to a setting it does not hold");
  return value;
}
