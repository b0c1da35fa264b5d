// Settings of `geoip`.

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { resolve } from "node:path";
import * as z from "zod";
import { type Context, report } from "../context.ts";
import type { DocumentWish } from "../documents.ts";
import { geoLimits as limits } from "../geo-limits.ts";
import { networkSources } from "../network-sources.ts";
import type { Path } from "../problem.ts";
import { filePath, integer, key, mapping, mustBe, oneOrMore, parsed } from "../scalar.ts";
import { addressKeys, listGuards, networksUse, statusUse } from "./address-settings.ts";
import { define, places } from "./definition.ts";
import { headerName } from "./header-names.ts";
import type { GeoFact, GeoipUse, GeoRule } from "./uses/address.ts";

const country = parsed({ what: "a country", remedy: "write DE" }, (value, refuse) =>
  /^[A-Za-z]{2}$/.test(value)
    ? value.toUpperCase()
    : refuse(`${JSON.stringify(value)} is not a country`, "write its two letters, such as DE"),
);

const continents = ["AF", "AN", "AS", "EU", "NA", "OC", "SA"] as const;

const mostAsn = 2 ** 32 - 1;

const asn = z.union(
  [
    integer(1, mostAsn),
    parsed({ what: "the number of a network", remedy: "write AS64496" }, (value, refuse) => {
      const number = Number(/^AS(\d{1,10})$/i.exec(value)?.[1] ?? 0);
      const isOne = number >= 1 && number <= mostAsn;
      return isOne ? number : refuse(`${JSON.stringify(value)} is no AS number`, "write AS64496");
    }),
  ],
  { error: mustBe({ what: "the number of an autonomous system", remedy: "write AS64496" }) },
);

const rule = mapping({
  countries: key(
    oneOrMore(country, { what: "a country or a list of countries", remedy: "write [DE, AT]" }),
    "Two letters each (ISO 3166-1).",
  ),
  continents: key(
    oneOrMore(z.enum(continents, { error: mustBe({ what: `one of ${continents.join(", ")}` }) }), {
      what: "a continent or a list of them",
      remedy: "write [EU]",
    }),
    "`AF`, `AN`, `AS`, `EU`, `NA`, `OC` or `SA`.",
  ),
  asns: key(
    oneOrMore(asn, { what: "an AS number or a list of them", remedy: "write [AS64496]" }),
    "Networks by the number of their operator, `AS64496`; needs a database that has them.",
  ),
});

const usualHeaders: Readonly<Record<GeoFact, string>> = {
  country: "X-Geo-Country",
  continent: "X-Geo-Continent",
  region: "X-Geo-Region",
  city: "X-Geo-City",
  asn: "X-Geo-ASN",
  organization: "X-Geo-Organization",
};

const settings = mapping({
  database: oneOrMore(filePath(), { what: "a path, or a list of paths" }).meta({
    description:
      "MMDB files: of MaxMind, DB-IP or IPinfo. Opened by each worker, and again when one changes.",
  }),
  allow: key(rule, "From where clients may come; without it from everywhere that is not denied."),
  deny: key(rule, "From where they may not come, even if `allow` has it."),
  except: key(networkSources(), "Addresses that may always come, such as `private`."),
  unknown: key(
    z.enum(["allow", "deny"], { error: mustBe({ what: "allow or deny" }) }),
    "What is done with addresses that no database knows. Without it they may come where there is no `allow`.",
  ),
  ...addressKeys,
  headers: key(
    z.union(
      [
        z.literal(true),
        mapping({
          country: key(headerName, "Two letters."),
          continent: key(headerName, "Two letters."),
          region: key(headerName, "Code of the first subdivision (ISO 3166-2), `BY`."),
          city: key(headerName, "English name, percent-encoded where it is not ASCII."),
          asn: key(headerName, "A number."),
          organization: key(headerName, "Name of who runs the network."),
        }),
      ],
      { error: mustBe({ what: "true, or a mapping of country, city … to header names" }) },
    ),
    "What backends are told, by the header that tells it; `true` = all, as `X-Geo-Country` and so on.",
  ),
});

export const geoip = define({
  kind: "geoip",
  summary:
    "Lets clients in, or keeps them out, by country, continent or network; tells backends where they are.",
  settings,
  place: places.address,
  guarded: [["database"], ...listGuards(["except"], ["file", "url"])],
  asks: listGuards(["except"], ["url"]),
  resolve(input: z.output<typeof settings>, context: Context, path: Path): GeoipUse | undefined {
    const { of = "client", headers } = input;
    const databases = input.database.map((each) => resolve(context.baseFolder, each));
    for (const each of new Set(databases)) {
      const fault = faultOf(each);
      if (fault !== undefined) report(context, [...path, "database"], fault);
    }
    if (databases.length > limits.databases) {
      const message = `has more than ${limits.databases} files`;
      report(context, [...path, "database"], { message, remedy: "leave some out" });
    }
    const [allow, deny] = [ruleOf(input.allow), ruleOf(input.deny)];
    if (allow === undefined && deny === undefined && headers === undefined) {
      const remedy = "write allow, deny or headers";
      report(context, path, { message: "changes nothing", remedy });
    }
    for (const name of ["allow", "deny"] as const) {
      if (input[name] === undefined || ruleOf(input[name]) !== undefined) continue;
      const remedy = "write countries, continents or asns";
      report(context, [...path, name], { message: "names no place", remedy });
    }
    const documents: DocumentWish[] = [];
    const except =
      input.except === undefined
        ? undefined
        : networksUse(context, input.except, [...path, "except"], documents);
    return {
      kind: "geoip",
      ...{ databases, allow, deny, except, of, documents, status: statusUse(input.status) },
      unknown: input.unknown ?? (allow === undefined ? "allow" : "deny"),
      headers: headers === true ? usualHeaders : withoutAbsent(headers ?? {}),
    };
  },
});

function ruleOf(input: z.output<typeof rule> | undefined): GeoRule | undefined {
  const { countries = [], continents: parts = [], asns = [] } = input ?? {};
  if (countries.length + parts.length + asns.length === 0) return undefined;
  return { countries, continents: parts, asns };
}

function withoutAbsent(
  headers: Partial<Record<GeoFact, string | undefined>>,
): Partial<Record<GeoFact, string>> {
  const given = Object.entries(headers).filter(([, name]) => name !== undefined);
  return Object.fromEntries(given);
}

/** What describes it stands at its end. The rest is looked at by who opens it: it may be hundreds of megabytes. */
const marker = Buffer.from("\xab\xcd\xefMaxMind.com", "latin1");

interface Fault {
  readonly message: string;
  readonly remedy?: string;
  readonly severity?: "warning";
}

/** One that is not there is no error: it may be fetched by another program, which no start should wait for. */
function faultOf(path: string): Fault | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const found = fstatSync(file);
    if (!found.isFile()) return { message: `${path} is not a file` };
    if (found.size > limits.bytes) {
      return { message: `${path} is larger than ${limits.bytes / 1024 ** 2} MiB` };
    }
    const tail = Buffer.alloc(Math.min(found.size, limits.tail));
    readSync(file, tail, 0, tail.length, found.size - tail.length);
    if (tail.includes(marker)) return undefined;
    return { message: `${path} is not an MMDB file`, remedy: "unpack it, if it is an archive" };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (!isMissing) return { message: `${path} cannot be read: ${why}` };
    const remedy = "until it is there, all addresses are `unknown`";
    return { message: `${path} is not there`, remedy, severity: "warning" };
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
