import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { CacheUse } from "../config/middlewares/uses/cache.ts";
import { Fields } from "../http/fields.ts";
import { type Asked, judge, type Keeping, loadSemantics, type Semantics } from "./policy.ts";

const use: CacheUse = {
  ...{ kind: "cache", ttl: 0, negative: 0, headers: [], harmless: [], bypass: [], purge: [] },
  statuses: [[200, 200]],
  query: { keep: "all", names: [] },
  cookies: undefined,
  ...{
    obey: false,
    maxObject: 1e6,
    memory: 1e6,
    disk: 0,
    staleWhileRevalidate: 0,
    staleIfError: 0,
  },
  ...{ earlyRefresh: false, stripSetCookie: false, status: true, lockTimeout: 1000 },
  ...{ targeted: ["cdn-cache-control"], tagFields: [] },
};

const plain: Asked = {
  hasAuthorization: false,
  hasCookies: false,
  unusual: [],
  isSecret: false,
};

let semantics: Semantics;
before(async () => {
  semantics = await loadSemantics();
});

function judged(
  lines: string,
  more: Partial<CacheUse> = {},
  asked: Partial<Asked> = {},
  status = 200,
) {
  const text = lines === "" ? "" : `${lines.split("\n").join("\r\n")}\r\n`;
  const fields = new Fields();
  assert.equal(fields.read(text, 0, text.length, 100), undefined, lines);
  return judge(semantics, { ...use, ...more }, { ...plain, ...asked }, status, fields);
}

const unkept = (...given: Parameters<typeof judged>) => {
  const found = judged(...given);
  return "unkept" in found ? found.unkept : undefined;
};

function kept(...given: Parameters<typeof judged>): Keeping {
  const found = judged(...given);
  if ("unkept" in found) assert.fail(`not kept: ${found.unkept}`);
  return found;
}

test("freshness is what the answer says, s-maxage before max-age before Expires", () => {
  assert.equal(kept("Cache-Control: max-age=60").fresh, 60_000);
  assert.equal(kept("Cache-Control: max-age=60, s-maxage=5").fresh, 5000);
  const dates = "Date: Sun, 22 Nov 2026 10:00:00 GMT\nExpires: Sun, 22 Nov 2026 10:01:00 GMT";
  assert.equal(kept(dates).fresh, 60_000);
  assert.equal(kept(`${dates}\nCache-Control: max-age=5`).fresh, 5000);
  assert.equal(kept("Cache-Control: max-age=60\nAge: 20").age, 20_000);
  assert.equal(kept("Cache-Control: max-age=60, proxy-revalidate").fresh, 60_000);
  assert.equal(kept("Cache-Control: max-age=99999999999999").fresh, 365 * 86_400_000);
});

test("nothing is guessed: without a word it is not kept, unless the route says for how long", () => {
  const old = "Last-Modified: Sun, 22 Nov 2020 10:00:00 GMT";
  assert.equal(unkept(""), "no-freshness");
  assert.equal(unkept(old), "no-freshness");
  assert.equal(unkept("Cache-Control: public"), "no-freshness");
  assert.equal(kept(old, { ttl: 5000 }).fresh, 5000);
  assert.equal(unkept("", { ttl: 5000 }, {}, 404), "no-freshness");
  assert.equal(kept("", { negative: 1000 }, {}, 404).fresh, 1000);
  assert.equal(unkept("Cache-Control: no-store", { ttl: 5000 }), "directive");
  assert.equal(unkept("Cache-Control: no-cache", { ttl: 5000 }), "no-freshness");
  assert.equal(unkept("Pragma: no-cache", { ttl: 5000 }), "no-freshness");
  assert.equal(kept('Cache-Control: no-cache\nETag: "x"', { ttl: 5000 }).fresh, 0);
});

test("what is for one alone is not kept", () => {
  const fresh = "Cache-Control: max-age=60";
  assert.equal(unkept("Cache-Control: max-age=60, Private"), "directive");
  assert.equal(unkept('Cache-Control: private="x, y", max-age=60'), "directive");
  assert.equal(unkept(`${fresh}\nSet-Cookie: a=b`), "set-cookie");
  assert.equal(unkept(`Cache-Control: public, max-age=60\nSet-Cookie: a=b`), "set-cookie");
  assert.equal(kept(`${fresh}\nSet-Cookie: a=b`, { stripSetCookie: true }).fresh, 60_000);
  assert.equal(unkept(fresh, {}, { hasCookies: true }), "cookie");
  assert.equal(kept("Cache-Control: public, max-age=60", {}, { hasCookies: true }).isPublic, true);
  assert.equal(unkept(fresh, {}, { hasAuthorization: true }), "directive");
  assert.equal(kept("Cache-Control: s-maxage=60", {}, { hasAuthorization: true }).isPublic, true);
  assert.equal(unkept(fresh, {}, { unusual: ["x-a"] }), "header");
  assert.deepEqual(kept(`${fresh}\nVary: X-A`, {}, { unusual: ["x-a"] }).names, ["x-a"]);
  assert.equal(unkept(fresh, {}, { isSecret: true }), "directive");
});

test("only some statuses are kept, and no parts", () => {
  const fresh = "Cache-Control: public, max-age=60";
  for (const status of [206, 304, 400, 401, 403, 405, 413, 414, 429, 431, 500, 501, 502, 503]) {
    assert.equal(unkept(fresh, {}, {}, status), "status", String(status));
  }
  for (const status of [200, 204, 301, 302, 307, 308, 404, 410]) {
    assert.equal(kept(fresh, {}, {}, status).fresh, 60_000, String(status));
  }
  assert.equal(unkept(`${fresh}\nContent-Range: bytes 0-1/2`), "partial");
});

test("Vary is a set of names, encodings among them where a body is encoded", () => {
  const fresh = "Cache-Control: max-age=60";
  assert.deepEqual(kept(`${fresh}\nVary: B, a\nVary: b`).names, ["a", "b"]);
  assert.equal(unkept(`${fresh}\nVary: a, *`), "vary");
  assert.equal(unkept(`${fresh}\nVary: a,b,c,d,e,f,g,h,i`), "vary");
  assert.deepEqual(kept(`${fresh}\nContent-Encoding: br`).names, ["accept-encoding"]);
});

test("a targeted field counts instead of the others", () => {
  const both = "Cache-Control: no-store\nExpires: 0\nCDN-Cache-Control: max-age=5";
  assert.equal(kept(both).fresh, 5000);
  assert.equal(unkept(both, { targeted: [] }), "directive");
  assert.equal(unkept("Cache-Control: max-age=60\nCDN-Cache-Control: no-store"), "directive");
  assert.equal(kept("Cache-Control: max-age=60\nCDN-Cache-Control: ,").fresh, 60_000);
});

test("stale answers are used as the answer says, or the route, and never where that is forbidden", () => {
  const route = { staleWhileRevalidate: 1000, staleIfError: 2000 };
  const stale = (lines: string) => {
    const { whileRevalidate, ifError } = kept(lines, route);
    return [whileRevalidate, ifError];
  };
  assert.deepEqual(stale("Cache-Control: max-age=60"), [1000, 2000]);
  assert.deepEqual(stale("Cache-Control: max-age=60, stale-if-error=9"), [1000, 9000]);
  assert.deepEqual(stale("Cache-Control: max-age=60, must-revalidate, stale-if-error=9"), [0, 0]);
  assert.deepEqual(stale("Cache-Control: max-age=60, proxy-revalidate"), [0, 0]);
  assert.deepEqual(stale("Cache-Control: s-maxage=60"), [0, 0]);
  assert.deepEqual(stale("Cache-Control: s-maxage=60, stale-while-revalidate=7"), [7000, 0]);
});

test("what varies by a field that is said anew for each client is nobody else's", () => {
  for (const name of ["X-Forwarded-For", "x-real-ip", "Accept, Client-Cert"]) {
    assert.equal(unkept(`Cache-Control: max-age=60\nVary: ${name}`), "vary", name);
  }
});

test("Expires is by the clock of whoever says it", () => {
  const fields = new Fields();
  const text = "Expires: Sun, 22 Nov 2026 10:01:00 GMT\r\n";
  fields.read(text, 0, text.length, 100);
  const date = "Sun, 22 Nov 2026 10:00:00 GMT";
  const judgement = judge(semantics, use, plain, 200, fields, date);
  assert.ok("fresh" in judgement);
  assert.equal(judgement.fresh, 60_000);
});
