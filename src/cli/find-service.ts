// Which service and which backend somebody means on the command line. A backend may be written shorter
// than it is configured, as long as it can only be one of them.

import { readServices } from "../admin/answers.ts";
import type { BackendRow, ServiceRow } from "../admin/operations.ts";
import { nearest } from "../lib/nearest.ts";
import { plain } from "./plain.ts";
import { type Answered, ask, NoAnswer, refusedCode, understood } from "./running.ts";

/** Names of a message; more would be no help. */
const mostNames = 10;

export interface ServicesAnswer {
  readonly rows: readonly ServiceRow[];
  readonly answer: Answered;
}

/** Throws NoAnswer. */
export async function askServices(path: string): Promise<ServicesAnswer> {
  const answer = await ask(path, { route: "/v1/services", timeoutMs: 30_000 });
  return { rows: understood(answer, readServices), answer };
}

/** Throws NoAnswer with what there is instead. */
export function findService(rows: readonly ServiceRow[], name: string): ServiceRow {
  const found = rows.find((row) => row.name === name);
  if (found !== undefined) return found;
  const names = rows.map((row) => row.name);
  const near = nearest(name, names);
  const remedy =
    near === undefined ? `there ${listed("is", "are", names)}` : `did you mean ${shown(near)}?`;
  throw new NoAnswer(`there is no service ${shown(name)}; ${remedy}`, refusedCode);
}

/** Throws NoAnswer with those it could be. */
export function findBackend(service: ServiceRow, text: string): BackendRow {
  if (service.backends.length === 0) throw new NoAnswer(withoutBackends(service), refusedCode);
  const candidates = text === "" ? [] : candidatesFor(service.backends, text);
  const [found, ...others] = candidates;
  if (found !== undefined && others.length === 0) return found;
  const name = shown(service.name);
  const urls = (found === undefined ? service.backends : candidates).map(({ url }) => url);
  const fault =
    found === undefined
      ? `no backend of ${name} is ${shown(text)}; there ${listed("is", "are", urls)}`
      : `${shown(text)} could be any of these backends of ${name}: ${listed("", "", urls)}`;
  throw new NoAnswer(fault, refusedCode);
}

/** Throws NoAnswer: a backend has to be said, and these are there. */
export function missingBackend(service: ServiceRow, command: string): NoAnswer {
  if (service.backends.length === 0) return new NoAnswer(withoutBackends(service), refusedCode);
  const urls = listed(
    "is",
    "are",
    service.backends.map(({ url }) => url),
  );
  return new NoAnswer(
    `say which backend of ${shown(service.name)}, as in \`tidegate ${command} SERVICE BACKEND\`; there ${urls}`,
    refusedCode,
  );
}

/** As it is written; else a whole part of it, so that `a:80` is not `a:8080`; else any part. */
function candidatesFor(backends: readonly BackendRow[], text: string): readonly BackendRow[] {
  const tests: readonly ((url: string) => boolean)[] = [
    (url) => url === text,
    (url) => hasWhole(url, text),
    (url) => hasPart(url, text),
  ];
  for (const fits of tests) {
    const found = backends.filter(({ url }) => fits(url));
    if (found.length > 0) return found;
  }
  return [];
}

function hasWhole(url: string, text: string): boolean {
  for (let at = url.indexOf(text); at !== -1; at = url.indexOf(text, at + 1)) {
    const end = at + text.length;
    if (isEdge(url, at) && isEdge(url, end)) return true;
  }
  return false;
}

/** Anywhere, but not ending in the middle of a number: port 80 is not the beginning of 8080. */
function hasPart(url: string, text: string): boolean {
  for (let at = url.indexOf(text); at !== -1; at = url.indexOf(text, at + 1)) {
    const end = at + text.length;
    if (![at, end].some((place) => /^\d{2}$/.test(url.slice(Math.max(0, place - 1), place + 1)))) {
      return true;
    }
  }
  return false;
}

/** Not in the middle of a word, number or name. */
function isEdge(url: string, at: number): boolean {
  return !/^[\w.-]{2}$/.test(url.slice(Math.max(0, at - 1), at + 1));
}

function withoutBackends({ name, parts }: ServiceRow): string {
  const names = parts.map(({ service }) => service);
  return names.length === 0
    ? `${shown(name)} has no backends`
    : `${shown(name)} has no backends of its own; those of its services do: ${listed("", "", names)}`;
}

function listed(one: string, many: string, names: readonly string[]): string {
  if (names.length === 0) return `${many} none`;
  const some = names.slice(0, mostNames).map(plain).join(", ");
  const more = names.length > mostNames ? ` and ${names.length - mostNames} more` : "";
  return `${names.length === 1 ? one : many} ${some}${more}`.trim();
}

export function shown(name: string): string {
  return plain(JSON.stringify(name));
}
