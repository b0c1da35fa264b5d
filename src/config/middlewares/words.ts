// Lists of middlewares as they are shown: as they were written, without what lets somebody in; and put together again when
// they come back so.

import { isRecord } from "../../lib/json.ts";
import type { Path } from "../problem.ts";
import type { MiddlewareUse } from "../snapshot.ts";
import { notShown } from "../words.ts";
import { secretPlaces } from "./guarded.ts";
import { definitionOf, isKind } from "./list.ts";

/** Those of a list; a set by its name. */
export function listWords(uses: readonly MiddlewareUse[]): { readonly middlewares?: unknown } {
  const words: unknown[] = [];
  let last: string | undefined;
  for (const use of uses) {
    if (!("written" in use)) continue;
    const { set, as = use.kind, written } = use;
    if (set !== undefined && set !== last) words.push(set);
    last = set;
    if (set === undefined && as !== "") words.push({ [as]: shownSettings(as, written) });
  }
  return words.length === 0 ? {} : { middlewares: words };
}

/** As resolved, without what lets somebody in. */
export function shownUses(uses: readonly MiddlewareUse[]): readonly unknown[] {
  return uses.map((use) => {
    if (!("written" in use)) return use;
    const { kind, set, as = kind, written } = use;
    return { kind, written: shownSettings(as, written), ...(set === undefined ? {} : { set }) };
  });
}

/** What stands in `middlewares` somewhere, or a set. */
export function shownList(written: unknown): unknown {
  if (Array.isArray(written)) {
    return written.map((each: unknown) => (isRecord(each) ? shownList(each) : each));
  }
  if (!isRecord(written)) return written;
  const all = Object.entries(written).map(([kind, each]) => [kind, shownSettings(kind, each)]);
  return Object.fromEntries(all);
}

/** What was not shown to whoever sends it back is what it was before. */
export function unshownList(before: unknown, written: unknown): unknown {
  const old = settingsOf(before);
  const [...left] = old;
  const restored = (kind: string, value: unknown) => {
    const at = left.findIndex(([each]) => each === kind);
    const [found] = at === -1 ? [] : left.splice(at, 1);
    return found === undefined ? value : unshown(kind, found[1], value);
  };
  const mappingOf = (value: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(
      Object.entries(value).map(([kind, each]) => [kind, restored(kind, each)] as const),
    );
  if (Array.isArray(written)) {
    return written.map((each: unknown) => (isRecord(each) ? mappingOf(each) : each));
  }
  return isRecord(written) ? mappingOf(written) : written;
}

function settingsOf(written: unknown): readonly (readonly [string, unknown])[] {
  const all: readonly unknown[] = Array.isArray(written) ? written : [written];
  return all.flatMap((each) => (isRecord(each) ? Object.entries(each) : []));
}

function shownSettings(kind: string, settings: unknown): unknown {
  let shown = settings;
  for (const path of secretsIn(kind, settings)) shown = replacedAt(shown, path, notShown);
  return shown;
}

function unshown(kind: string, before: unknown, settings: unknown): unknown {
  let value = settings;
  for (const path of secretsIn(kind, settings)) {
    const old = at(before, path);
    if (at(settings, path) === notShown && old !== undefined) value = replacedAt(value, path, old);
  }
  return value;
}

function secretsIn(kind: string, settings: unknown): readonly Path[] {
  return isKind(kind) ? secretPlaces(definitionOf(kind), settings) : [];
}

function at(value: unknown, [step, ...rest]: Path): unknown {
  if (step === undefined) return value;
  if (Array.isArray(value)) return at(value[Number(step)], rest);
  return isRecord(value) ? at(value[String(step)], rest) : undefined;
}

function replacedAt(value: unknown, [step, ...rest]: Path, other: unknown): unknown {
  if (step === undefined) return other;
  if (Array.isArray(value)) {
    return value.map((each: unknown, index) =>
      index === step ? replacedAt(each, rest, other) : each,
    );
  }
  if (!isRecord(value)) return value;
  return { ...value, [step]: replacedAt(value[String(step)], rest, other) };
}
