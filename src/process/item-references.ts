// Names of services within what was written of routes and services, and what must not be shown of it. It is as
// it stands in a file: a text, a list or a mapping, short or long.

import { isUrlLike } from "../config/backend-url.ts";
import { renamedInList } from "../config/middlewares/named-services.ts";
import { shownList, unshownList } from "../config/middlewares/words.ts";
import { headers, notShown } from "../config/words.ts";

type Rename = (service: string) => string;

/** With other names of the services that it leads to. */
export function renamedRoute(value: unknown, rename: Rename): unknown {
  if (!isMapping(value)) return value;
  // What a route says of files beside its own keys.
  if (!("service" in value)) return renamedService(value, rename);
  const { service } = value;
  const use =
    typeof service === "string" ? nameOf(service, rename) : renamedService(service, rename);
  return { ...value, ...renamedPages(value, rename), service: use };
}

export function renamedService(value: unknown, rename: Rename): unknown {
  if (!isMapping(value)) return value;
  const { split, failover, mirror, to, files } = value;
  return {
    ...value,
    ...renamedPages(value, rename),
    ...(isMapping(files) ? { files: renamedSteps(files, rename) } : {}),
    ...(split === undefined ? {} : { split: renamedSplit(split, rename) }),
    ...(Array.isArray(failover) ? { failover: failover.map((each) => nameOf(each, rename)) } : {}),
    ...(mirror === undefined ? {} : { mirror: nameOf(mirror, rename) }),
    ...(isMapping(to) ? { to: renamedKeys(to, rename) } : {}),
  };
}

/** Middlewares have pages from services. */
function renamedPages({ middlewares }: Record<string, unknown>, rename: Rename) {
  if (middlewares === undefined) return {};
  return { middlewares: renamedInList(middlewares, rename) };
}

/** Of `try`, where `@` stands before the name of a service. */
function renamedSteps(files: Record<string, unknown>, rename: Rename): Record<string, unknown> {
  const renamed = (step: unknown) =>
    typeof step === "string" && step.startsWith("@") ? `@${rename(step.slice(1))}` : step;
  const { try: steps } = files;
  if (steps === undefined) return files;
  return { ...files, try: Array.isArray(steps) ? steps.map(renamed) : renamed(steps) };
}

function renamedSplit(split: unknown, rename: Rename): unknown {
  if (!Array.isArray(split)) return isMapping(split) ? renamedKeys(split, rename) : split;
  return split.map((part: unknown) =>
    isMapping(part) ? { ...part, service: nameOf(part["service"], rename) } : part,
  );
}

function renamedKeys(all: Record<string, unknown>, rename: Rename): Record<string, unknown> {
  return Object.fromEntries(Object.entries(all).map(([name, each]) => [rename(name), each]));
}

function nameOf(value: unknown, rename: Rename): unknown {
  return typeof value === "string" && !isUrlLike(value) ? rename(value) : value;
}

/** A route or a service, without what lets somebody in: fields of its check, settings of its middlewares. */
export function withoutSecrets(whole: unknown): unknown {
  if (!isMapping(whole)) return whole;
  const { check, service, middlewares } = whole;
  const value =
    middlewares === undefined ? whole : { ...whole, middlewares: shownList(middlewares) };
  if (isMapping(service)) return { ...value, service: withoutSecrets(service) };
  if (!isMapping(check) || !isMapping(check["headers"])) return value;
  const texts = Object.entries(check["headers"]).map(([name, each]) => [name, String(each)]);
  return { ...value, check: { ...check, headers: headers(Object.fromEntries(texts)) } };
}

/** What was not shown to whoever sends it back is what it was before. */
export function withSecretsOf(before: unknown, whole: unknown): unknown {
  if (!isMapping(whole)) return whole;
  const { check, service, middlewares } = whole;
  const old = isMapping(before) ? before : {};
  const value =
    middlewares === undefined
      ? whole
      : { ...whole, middlewares: unshownList(old["middlewares"], middlewares) };
  if (isMapping(service)) return { ...value, service: withSecretsOf(old["service"], service) };
  const fields = isMapping(check) ? check["headers"] : undefined;
  const oldCheck = old["check"];
  const oldFields = isMapping(oldCheck) ? oldCheck["headers"] : undefined;
  if (!isMapping(check) || !isMapping(fields) || !isMapping(oldFields)) return value;
  const all = Object.entries(fields).map(([name, each]) => [
    name,
    each === notShown && Object.hasOwn(oldFields, name) ? oldFields[name] : each,
  ]);
  return { ...value, check: { ...check, headers: Object.fromEntries(all) } };
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
