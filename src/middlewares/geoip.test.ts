import assert from "node:assert/strict";
import { rename, writeFile } from "node:fs/promises";
import { after, test } from "node:test";
import type { GeoipUse } from "../config/middlewares/uses/address.ts";
import { eventually } from "../../test/harness/barrier.ts";
import { exchangeOf, middlewareOf, trialApi } from "../../test/harness/middleware-trial.ts";
import { mmdb, type Value } from "../../test/harness/mmdb-writer.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import type { Middleware } from "./middleware.ts";

const folder = await tempFolder();
after(() => folder[Symbol.asyncDispose]());

const place = (country: string, continent: string, more: Record<string, Value> = {}): Value => ({
  ...{ country: { iso_code: country }, continent: { code: continent } },
  ...more,
});

const munich = {
  city: { names: { de: "München", en: "Munich\r\nX-Evil: 1 100%" } },
  subdivisions: [{ iso_code: "BY" }, { iso_code: "XX" }],
};

const places = {
  "192.0.2.0/24": place("DE", "EU"),
  "192.0.2.128/25": place("DE", "EU", munich),
  "192.0.2.200/32": place("US", "NA"),
  "198.51.100.0/24": place("FR", "EU"),
  "2001:db8::/32": place("DE", "EU"),
  "2001:db8:1::/48": place("BR", "SA"),
};

const networks = {
  "192.0.2.0/24": { autonomous_system_number: 64496, autonomous_system_organization: "Example" },
  "203.0.113.0/24": { asn: "AS64497", as_name: "Other", country_code: "nl" },
};

async function file(name: string, bytes: Buffer): Promise<string> {
  await writeFile(folder.file(`${name}.new`), bytes);
  await rename(folder.file(`${name}.new`), folder.file(name));
  return folder.file(name);
}

const rule = (said: Partial<NonNullable<GeoipUse["allow"]>>) => ({
  ...{ countries: [], continents: [], asns: [] },
  ...said,
});

class Trial implements Disposable {
  readonly warnings: string[] = [];
  readonly #middleware: Middleware;

  constructor(use: Partial<GeoipUse>) {
    const whole: GeoipUse = {
      ...{ kind: "geoip", databases: [], allow: undefined, deny: undefined, except: undefined },
      ...{ unknown: "deny", of: "client", status: 403, headers: {}, documents: [] },
      ...use,
    };
    const api = {
      ...trialApi(),
      warn: (text: string, fields = {}) => {
        this.warnings.push(`${text} ${JSON.stringify(fields)}`);
      },
    };
    this.#middleware = middlewareOf({ ...whole, written: {} }, api);
  }

  /** Lines that were added; undefined = it may not come. */
  async ask(address: string, lines = "", hasGone = false): Promise<string | undefined> {
    const exchange = exchangeOf("/", { lines });
    exchange.clientIp = address;
    const asked = this.#middleware.onRequest?.(exchange);
    exchange.isDone = hasGone;
    const verdict = await asked;
    return verdict === undefined ? exchange.request.fields.serialise() : undefined;
  }

  async mayCome(address: string): Promise<boolean> {
    return (await this.ask(address)) !== undefined;
  }

  [Symbol.dispose](): void {
    this.#middleware.close?.();
  }
}

async function verdicts(trial: Trial, addresses: readonly string[]): Promise<boolean[]> {
  return await Promise.all(addresses.map((each) => trial.mayCome(each)));
}

for (const recordSize of [24, 28, 32] as const) {
  test(`countries and continents, the most special network first (${recordSize} bits)`, async () => {
    const path = await file(`places-${recordSize}`, mmdb(places, { recordSize }));
    using germans = new Trial({ databases: [path], allow: rule({ countries: ["DE"] }) });
    const asked = ["192.0.2.1", "192.0.2.199", "192.0.2.200", "198.51.100.1", "2001:db8::1"];
    assert.deepEqual(await verdicts(germans, asked), [true, true, false, false, true]);
    const others = ["2001:db8:1::1", "203.0.113.1", "::1", "garbage", ""];
    assert.deepEqual(
      await verdicts(germans, others),
      others.map(() => false),
    );
    using europe = new Trial({
      databases: [path],
      unknown: "allow",
      deny: rule({ continents: ["EU"] }),
    });
    assert.deepEqual(await verdicts(europe, asked), [false, false, true, false, false]);
    assert.deepEqual(await verdicts(europe, others), [true, true, true, false, false]);
    // Another way to an address of a country that is kept out.
    const hidden = ["2002:c000:0201::1", "64:ff9b::192.0.2.1", "::ffff:192.0.2.1"];
    assert.deepEqual(await verdicts(europe, hidden), [false, false, false]);
    assert.deepEqual(europe.warnings, []);
  });
}

test("a database of IPv4 knows nothing of IPv6, whatever its first bits are", async () => {
  const path = await file("four", mmdb({ "32.0.0.0/4": place("DE", "EU") }, { ipVersion: 4 }));
  using trial = new Trial({ databases: [path], allow: rule({ countries: ["DE"] }) });
  assert.deepEqual(await verdicts(trial, ["33.0.0.1", "2001:db8::1"]), [true, false]);
});

test("several databases add up; rules by network, exceptions, and what nobody knows", async () => {
  const databases = [await file("places", mmdb(places)), await file("networks", mmdb(networks))];
  using trial = new Trial({
    ...{ databases, unknown: "allow", deny: rule({ asns: [64496], countries: ["NL"] }) },
    except: { networks: ["192.0.2.7/32"], lists: [] },
  });
  const asked = ["192.0.2.1", "192.0.2.7", "198.51.100.1", "203.0.113.1", "10.0.0.1"];
  assert.deepEqual(await verdicts(trial, asked), [false, true, true, false, true]);
  using strict = new Trial({ databases, allow: rule({ continents: ["EU"] }) });
  assert.deepEqual(await verdicts(strict, asked), [true, true, true, false, false]);
});

test("backends are told, in ASCII, and never what a client says", async () => {
  const databases = [
    await file("places-h", mmdb(places)),
    await file("networks-h", mmdb(networks)),
  ];
  const headers = {
    country: "X-Geo-Country",
    region: "X-Geo-Region",
    city: "X-Geo-City",
    asn: "X-Geo-ASN",
  };
  using trial = new Trial({ databases, headers });
  const forged =
    "x-geo-country: US\r\nX_GEO_COUNTRY: US\r\nX-GEO-CITY: Rome\r\nX-Geo_Country: UK\r\n";
  const seen = await trial.ask("192.0.2.150", forged);
  assert.match(seen ?? "", /X-Geo-Country: DE\r\n/);
  assert.match(seen ?? "", /X-Geo-Region: BY\r\n/);
  assert.match(seen ?? "", /X-Geo-City: Munich%0D%0AX-Evil: 1 100%25\r\n/);
  assert.match(seen ?? "", /X-Geo-ASN: 64496\r\n/);
  const unknown = await trial.ask("10.0.0.1", forged);
  for (const lines of [seen, unknown]) assert.doesNotMatch(lines ?? "US", /: (US|Rome|UK)/);
});

test("who left before the databases were here changes no head: it may be another's", async () => {
  const databases = [await file("places-g", mmdb(places))];
  using trial = new Trial({ databases, headers: { country: "X-Geo-Country" } });
  const gone = trial.ask("192.0.2.150", "", true);
  const here = trial.ask("192.0.2.150");
  assert.doesNotMatch((await gone) ?? "X-Geo", /X-Geo/);
  assert.match((await here) ?? "", /X-Geo-Country: DE/);
});

test("a new file counts when it can be used, and a broken one changes nothing", async () => {
  const path = await file("changing", mmdb({ "192.0.2.0/24": place("DE", "EU") }));
  using trial = new Trial({ databases: [path], allow: rule({ countries: ["DE"] }) });
  assert.ok(await trial.mayCome("192.0.2.1"));
  const next = mmdb({ "192.0.2.0/24": place("FR", "EU"), "198.51.100.0/24": place("DE", "EU") });
  await file("changing", next.subarray(0, 100));
  const warning = await eventually("a warning", async () => trial.warnings[0]);
  assert.match(warning, /is not an MMDB file, or was cut off; the one before still counts/);
  assert.ok(await trial.mayCome("192.0.2.1"));
  await file("changing", next);
  await eventually("the new file", async () => (await trial.mayCome("198.51.100.1")) || undefined);
  assert.ok(!(await trial.mayCome("192.0.2.1")));
});

test("without its file nobody's place is known", async () => {
  using strict = new Trial({
    databases: [folder.file("gone")],
    allow: rule({ countries: ["DE"] }),
  });
  assert.ok(!(await strict.mayCome("192.0.2.1")));
  assert.match(strict.warnings[0] ?? "", /no place is known/);
  using open = new Trial({
    databases: [folder.file("gone")],
    unknown: "allow",
    deny: rule({ countries: ["DE"] }),
  });
  assert.ok(await open.mayCome("192.0.2.1"));
  assert.equal(open.warnings.length, 1);
});
