// What of a middleware labels and items of outside sources may not say: files of this host, and for labels whom we ask.

import { report } from "../context.ts";
import type { Context } from "../context.ts";
import { isRecord } from "../../lib/json.ts";
import type { Path } from "../problem.ts";
import { notShown } from "../words.ts";

interface Guarded {
  readonly kind: string;
  readonly guarded?: readonly Path[];
  readonly asks?: readonly Path[];
}

interface Secretive {
  readonly secrets?: readonly Path[];
  mayShow?(path: Path): boolean;
}

/** true after it reported one. @param path that of its settings */
export function refuseGuarded(
  context: Context,
  { kind, guarded = [], asks = [] }: Guarded,
  value: unknown,
  path: Path,
): boolean {
  const { writer } = context;
  if (writer === undefined) return false;
  const allowed = new Set(writer === "item" ? asks.map(nameOf) : []);
  const banned = guarded.filter((each) => !allowed.has(nameOf(each)));
  const places = banned.flatMap((each) => placesOf(value, each));
  const found = new Map(places.map((each) => [nameOf(each), each]));
  const remedy = "make a set of it in middlewares of the configuration file, and write NAME@file";
  for (const each of found.values()) {
    const who = writer === "label" ? "a label" : `an item of ${context.source.file}`;
    const what = each.length === 0 ? kind : `this of ${kind}`;
    report(context, [...path, ...each], {
      message: `${who} may not say ${what}`,
      remedy,
      at: "key",
    });
  }
  return found.size > 0;
}

/** Where in a value there is what is not shown. */
export function secretPlaces(
  { secrets = [], mayShow }: Secretive,
  value: unknown,
): readonly Path[] {
  const all = secrets.flatMap((path) => placesOf(value, path));
  return mayShow === undefined ? all : all.filter((path) => !mayShow(path));
}

/** true after it reported one: what was shown in its place came back where it never was, or stands in a file. */
export function refuseUnshown(
  context: Context,
  definition: Secretive,
  value: unknown,
  path: Path,
): boolean {
  const found = secretPlaces(definition, value).filter((each) => isNotShown(value, each));
  for (const each of found) {
    const message = `${JSON.stringify(notShown)} stands where a secret is not shown, and is none`;
    report(context, [...path, ...each], { message, remedy: "write the secret itself" });
  }
  return found.length > 0;
}

function isNotShown(value: unknown, [step, ...rest]: Path): boolean {
  if (step === undefined)
    return value === notShown || (Array.isArray(value) && value.includes(notShown));
  if (Array.isArray(value)) return isNotShown(value[Number(step)], rest);
  return isRecord(value) && isNotShown(value[String(step)], rest);
}

/** Where in a value there is something at a path, in which "*" is each of a list or mapping. */
export function placesOf(value: unknown, path: Path): Path[] {
  const [step, ...rest] = path;
  if (step === undefined) return value === undefined ? [] : [[]];
  if (Array.isArray(value)) {
    // One or a list of them: the path need not say so.
    const below = step === "*" ? rest : path;
    return value.flatMap((each, at) => placesOf(each, below).map((found) => [at, ...found]));
  }
  if (!isRecord(value)) return [];
  const keys = step === "*" ? Object.keys(value) : [String(step)];
  return keys.flatMap((key) =>
    Object.hasOwn(value, key) ? placesOf(value[key], rest).map((found) => [key, ...found]) : [],
  );
}

function nameOf(path: Path): string {
  return path.join(".");
}
