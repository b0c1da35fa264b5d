import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { ForwardAuthUse } from "../config/middlewares/uses/auth.ts";
import { exchangeOf, trialApi, verdictOf } from "../../test/harness/middleware-trial.ts";
import { apiKey } from "./api-key.ts";
import { credentialIn, removeCredential, removeOthers } from "./auth-credential.ts";
import { fieldValue, IdentityFields } from "./auth-identity.ts";
import { questionOf } from "./auth-question.ts";
import { basicAuth } from "./basic-auth.ts";
import { digestAuth } from "./digest-auth.ts";
import { readDigest } from "./digest-parameters.ts";
import { forwardAuth } from "./forward-auth.ts";
import { claimText, holdsRule } from "./token-claims.ts";

const hash = (text: string) => createHash("sha256").update(text).digest("hex");

test("no spelling of a field that is ours comes from a client", () => {
  const spellings = [
    "X-Forwarded-User",
    "x_forwarded_user",
    "X-FORWARDED_USER",
    "x.forwarded-user",
  ];
  const lines = spellings.map((each) => `${each}: root\r\n`).join("");
  const exchange = exchangeOf("/", {
    lines: `${lines}X-Forwarded-Users: a\r\nXForwardedUser: b\r\n`,
  });
  new IdentityFields(["", "X-Forwarded-User"]).dropClaims(exchange.request);
  assert.doesNotMatch(exchange.request.fields.serialise(), /root/);
  assert.match(exchange.request.fields.serialise(), /Users: a\r\nXForwardedUser: b\r\n$/);
});

test("a value is one line of bytes, or none", () => {
  assert.equal(fieldValue(" änn "), "\xc3\xa4nn");
  for (const bad of ["a\r\nb", "a\nb", "a\0", "\x7f"]) assert.equal(fieldValue(bad), undefined);
});

test("claims are read by their own names, and lists stay lists", () => {
  const claims = JSON.parse(
    '{"a.b":"1","a":{"b":"2","c":["x","y"]},"__proto__":{"admin":"1"},"n":5,"t":true,"l":["a","b,c"],"scope":"r w","o":{}}',
  ) as Record<string, unknown>;
  const told = ["a.b", "a.c", "n", "t", "l", "o", "a", "admin", "constructor.name", "toString"];
  assert.deepEqual(
    told.map((each) => claimText(claims, each)),
    ["1", "x,y", "5", "true", ...Array<undefined>(6).fill(undefined)],
  );
  const holds = (claim: string, ...values: string[]) => holdsRule(claims, { claim, values });
  assert.ok(holds("scope", "w") && holds("a.c", "z", "y") && holds("n", "5") && holds("l", "b,c"));
  assert.ok(!holds("scope", "r w x") && !holds("l", "c") && !holds("o", "[object Object]"));
  assert.ok(!holds("missing", "undefined") && !holds("a.c", "x,y"));
});

test("of keys in requests nothing is left, wherever they stand", () => {
  const lines = "Cookie: a=1; key=s3\r\nCookie: key=s4; b=2\r\nX-Key: s1\r\n";
  const exchange = exchangeOf("/p?k=s2&x=1&%6B=s2", { lines });
  const at = (from: "header" | "query" | "cookie", name: string) => ({ from, name });
  assert.equal(credentialIn(exchange, [at("query", "k")]), false, "twice");
  const places = [at("header", "x-key"), at("query", "k"), at("cookie", "key")];
  assert.deepEqual(credentialIn(exchange, places), { value: "s1", place: places[0] });
  for (const place of places) removeCredential(exchange, place);
  const { fields, query, target } = exchange.request;
  assert.deepEqual([query, target], ["x=1", "/p?x=1"]);
  assert.equal(fields.serialise(), "Host: a.example\r\nCookie: a=1; b=2\r\n");
});

test("a token beside the one that was checked does not reach the backend", () => {
  const header = { from: "header", name: "x-jwt" } as const;
  const cookie = { from: "cookie", name: "t" } as const;
  const bearer = { from: "bearer", name: "" } as const;
  const given = (lines: string) =>
    credentialIn(exchangeOf("/", { lines }), [bearer, header, cookie]);
  // Which of them a backend takes nobody knows.
  for (const lines of [
    "Cookie: t=good; t=forged\r\n",
    "Cookie: t=good\r\nCookie: a=b;t = forged\r\n",
    "X-Jwt: good\r\nX_Jwt: forged\r\n",
    "X_Jwt: forged\r\nx-jwt: good\r\n",
  ]) {
    assert.equal(given(lines), false, lines);
  }
  assert.equal(given("X_Jwt: forged\r\n"), undefined);
  const lines = "Authorization: Bearer good\r\nX_Jwt: f\r\nX-Jwt: f\r\nCookie: t=f; t=f; a=b\r\n";
  const exchange = exchangeOf("/", { lines });
  removeOthers(exchange, [bearer, header, cookie], bearer);
  assert.equal(
    exchange.request.fields.serialise(),
    "Host: a.example\r\nAuthorization: Bearer good\r\nCookie: a=b\r\n",
  );
  // What is no token there is none of ours.
  const other = exchangeOf("/", { lines: "Authorization: Basic YTpi\r\nCookie: t=good\r\n" });
  removeOthers(other, [bearer, cookie], cookie);
  assert.match(other.request.fields.serialise(), /Basic YTpi\r\nCookie: t=good/);
});

test("what is left of cookies stays, however many are taken out", () => {
  const exchange = exchangeOf("/", { lines: "Cookie: a=1; b=2; c=3\r\nCookie: d=4\r\n" });
  for (const name of ["a", "c", "e"]) removeCredential(exchange, { from: "cookie", name });
  assert.match(exchange.request.fields.serialise(), /\r\nCookie: b=2; d=4\r\n$/);
  const left = credentialIn(exchange, [{ from: "cookie", name: "d" }]);
  assert.equal(left === false ? left : left?.value, "4");
});

test("an answer to a digest challenge is read in one way alone", () => {
  const good = `Digest username="a\\"b", realm="r", nonce="n", uri="/?a,b=\\"c", qop=auth, nc=0000000A, cnonce="c", algorithm=SHA-256, response="f"`;
  assert.deepEqual(readDigest(good), {
    ...{ name: 'a"b', realm: "r", nonce: "n", uri: '/?a,b="c', response: "f" },
    ...{ algorithm: "SHA-256", nc: "0000000A", cnonce: "c" },
  });
  const extended = good.replace('username="a\\"b"', "username*=UTF-8''J%C3%A4s");
  assert.equal(readDigest(extended)?.name, "Jäs");
  const bad = [
    good.replace("Digest", "Basic"),
    good.replace("qop=auth", "qop=auth-int"),
    good.replace("qop=auth, ", ""),
    good.replace("SHA-256", "SHA-256-sess"),
    good.replace("SHA-256", "none"),
    good.replace("nc=0000000A", "nc=A"),
    `${good}, uri="/other"`,
    `${good}, username*=UTF-8''x`,
    `${good}, userhash=true`,
    `${good} x`,
    good.slice(0, -1),
    `Digest ${'"'.repeat(20_000)}`,
    `Digest a="${"\\".repeat(20_000)}`,
  ];
  for (const each of bad) assert.equal(readDigest(each), undefined, each.slice(0, 300));
});

test("who has no list yet lets nobody in", () => {
  const documents = [{ name: "htpasswd /x", form: "htpasswd", from: "file", path: "/x" }] as const;
  const common = { users: [], documents, realm: "r", header: "", removeHeader: false };
  const all = [
    basicAuth({ kind: "basicAuth", ...common }, trialApi()),
    digestAuth({ kind: "digestAuth", ...common }, trialApi()),
    apiKey(
      { kind: "apiKey", keys: [], documents, from: [], header: "", forwardKey: false },
      trialApi(),
    ),
  ];
  for (const middleware of all) {
    const exchange = exchangeOf("/", { lines: "Authorization: Basic YTpi\r\n" });
    assert.deepEqual(verdictOf(middleware, exchange), { failure: "AUTH_UNAVAILABLE" });
  }
});

test("a key that is taken out of the list is not let in any more", () => {
  let text = `ci:${hash("k")}`;
  let document = { text, version: "1" };
  const api = { ...trialApi(), document: () => document };
  const documents = [{ name: "x", form: "apikeys", from: "file", path: "/x" }] as const;
  const from = [{ from: "header", name: "x-api-key" }] as const;
  const use = { kind: "apiKey", keys: [], documents, from, header: "", forwardKey: false } as const;
  const middleware = apiKey(use, api);
  const ask = () => verdictOf(middleware, exchangeOf("/", { lines: "X-Api-Key: k\r\n" }));
  assert.equal(ask(), undefined);
  text = "";
  document = { text, version: "2" };
  assert.notEqual(ask(), undefined);
});

const asking: ForwardAuthUse = {
  kind: "forwardAuth",
  address: "http://127.0.0.1:1/",
  timeout: 1,
  requestHeaders: undefined,
  responseHeaders: [],
  responseHeadersPattern: "",
  cookies: true,
  userHeader: "",
  trustForwardHeader: false,
  preserveMethod: false,
  preserveLocation: true,
  maxBody: 1,
  ca: undefined,
};

test("a pattern takes in every spelling of a field that it means", async () => {
  for (const pattern of ["^x-auth-", "^x_auth_"]) {
    const middleware = forwardAuth({ ...asking, responseHeadersPattern: pattern }, trialApi());
    const lines =
      "X-Auth-User: root\r\nX_Auth_User: root\r\nx_auth-user: root\r\nX.Auth.User: root\r\n";
    const exchange = exchangeOf("/", { lines });
    assert.deepEqual(await middleware.onRequest?.(exchange), { failure: "AUTH_UNAVAILABLE" });
    assert.doesNotMatch(exchange.request.fields.serialise(), /root/, pattern);
    middleware.close?.();
  }
});

test("who is asked sees the path that counts, and no claim of the client", () => {
  const lines =
    "X_Forwarded-Uri: /a\r\nX-Original-Url: /a\r\nCookie: c\r\nConnection: close, x-hop\r\nX-Hop: 1\r\n";
  const { fields } = questionOf(exchangeOf("/public/%2e%2e/admin?x", { lines }), asking);
  const pairs = fields.flatMap((each, at) => (at % 2 === 0 ? [`${each}: ${fields[at + 1]}`] : []));
  assert.deepEqual(pairs.slice(0, 5), [
    ...["Cookie: c", "X-Forwarded-Method: GET", "X-Forwarded-Proto: http"],
    ...["X-Forwarded-Host: a.example", "X-Forwarded-Uri: /admin?x"],
  ]);
});
