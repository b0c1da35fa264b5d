// How resolved values are written: the other way round of `scalar.ts`. Only what differs from what is usual is
// said, so that people find in it what somebody meant.

import { isDeepStrictEqual } from "node:util";
import { formatDuration } from "../lib/duration.ts";
import type { KeySource, StatusRange } from "./service.ts";

export type Words = Record<string, unknown>;

/** Writes one value; without one it is written as it is. */
export type Writers<Value> = { readonly [Key in keyof Value]?: (value: Value[Key]) => unknown };

/** The keys of `value` that differ from the usual ones. */
export function differing<Value extends object>(
  value: Value,
  usual: Partial<Value>,
  writers: Writers<Value> = {},
): Words {
  const words: Words = {};
  for (const key of keysOf(value)) {
    const each = value[key];
    if (each === undefined || isDeepStrictEqual(each, usual[key])) continue;
    const write = writers[key];
    words[String(key)] = write === undefined ? each : write(each);
  }
  return words;
}

function keysOf<Value extends object>(value: Value): (keyof Value)[] {
  const isKey = (key: string): key is Extract<keyof Value, string> => Object.hasOwn(value, key);
  return Object.keys(value).filter(isKey);
}

/** A mapping only where it says something. */
export function said(key: string, words: Words): Words {
  return Object.keys(words).length === 0 ? {} : { [key]: words };
}

export const duration = (ms: number): string => formatDuration(ms);

export const share = (value: number): unknown => (value === 0 ? 0 : percentage(value * 100));

/** As many digits as are read again. */
export const percentage = (value: number): string => `${Number(value.toFixed(6))}%`;

export function statuses(all: readonly StatusRange[]): readonly unknown[] {
  return all.map(([from, to]) => (from === to ? from : `${from}-${to}`));
}

export function keySource(source: KeySource): string {
  return "name" in source ? `${source.from}:${source.name}` : source.from;
}

const secret = /auth|cookie|key|token|secret|password/i;

/** Whether what stands in a field of this name may let somebody in. */
export function isSecretField(name: string): boolean {
  return secret.test(name);
}

/** Stands for what lets somebody in. */
export const notShown = "(not shown)";

/** Fields that are sent along: what lets somebody in is not shown. */
export function headers(all: Readonly<Record<string, string>>): Words {
  return Object.fromEntries(
    Object.entries(all).map(([name, value]) => [name, isSecretField(name) ? notShown : value]),
  );
}
