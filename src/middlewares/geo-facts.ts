// What a record of a database says of a place: MaxMind and DB-IP nest it, IPinfo does not.

import type { GeoFact } from "../config/middlewares/uses/address.ts";
import { isRecord } from "../lib/json.ts";

/** undefined = it does not say. */
export type GeoFacts = Readonly<Partial<Record<GeoFact, string>>>;

export const nowhere: GeoFacts = {};

export const allFacts = [
  "country",
  "continent",
  "region",
  "city",
  "asn",
  "organization",
] as const satisfies readonly GeoFact[];

export function factsOf(record: unknown): GeoFacts {
  if (!isRecord(record)) return nowhere;
  const found = {
    country: letters(
      textAt(record, "country", "iso_code") ??
        textAt(record, "country_code") ??
        textAt(record, "country") ??
        textAt(record, "registered_country", "iso_code"),
    ),
    continent: letters(textAt(record, "continent", "code") ?? textAt(record, "continent_code")),
    region: regionOf(record),
    city: textAt(record, "city", "names", "en") ?? textAt(record, "city"),
    asn: asnOf(record),
    organization:
      textAt(record, "autonomous_system_organization") ??
      textAt(record, "as_name") ??
      textAt(record, "traits", "autonomous_system_organization"),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

function textAt(record: unknown, ...path: readonly string[]): string | undefined {
  const value = path.reduce<unknown>((at, step) => {
    return isRecord(at) && Object.hasOwn(at, step) ? at[step] : undefined;
  }, record);
  return typeof value === "string" && value !== "" ? value : undefined;
}

function letters(text: string | undefined): string | undefined {
  return text !== undefined && /^[A-Za-z]{2}$/.test(text) ? text.toUpperCase() : undefined;
}

function regionOf(record: Readonly<Record<string, unknown>>): string | undefined {
  const { subdivisions } = record;
  const first: unknown = Array.isArray(subdivisions) ? subdivisions[0] : undefined;
  return textAt(first, "iso_code") ?? textAt(record, "region_code") ?? textAt(record, "region");
}

function asnOf(record: Readonly<Record<string, unknown>>): string | undefined {
  const { traits } = record;
  for (const each of [record, ...(isRecord(traits) ? [traits] : [])]) {
    const value = each["autonomous_system_number"] ?? each["asn"];
    const text = typeof value === "number" ? String(value) : value;
    const digits = typeof text === "string" ? /^(?:AS)?(\d{1,10})$/i.exec(text)?.[1] : undefined;
    if (digits !== undefined) return String(Number(digits));
  }
  return undefined;
}
