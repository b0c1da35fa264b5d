// Tokens: good ones let in and say who it is; and of those that should not, every kind that has ever let somebody in
// somewhere.

import assert from "node:assert/strict";
import { createHmac, generateKeyPairSync, type KeyObject } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { SignJWT, UnsecuredJWT } from "jose";
import { ask, field } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { httpOrigin } from "../harness/origin.ts";
import { startTidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 60_000 };

function echo() {
  return httpOrigin((request: IncomingMessage, response) => {
    const lines = [`${request.method} ${request.url}`];
    for (let at = 0; at < request.rawHeaders.length; at += 2) {
      lines.push(`${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}`);
    }
    response.end(lines.join("\n"), "latin1");
  });
}

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const other = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const weak = generateKeyPairSync("rsa", { modulusLength: 1024 });

const jwkOf = (key: KeyObject, more: object) => ({ ...key.export({ format: "jwk" }), ...more });

/** Who publishes keys: they can be exchanged, and it counts how often it is asked. */
async function publisher(...first: readonly object[]) {
  const state = { keys: first, asked: 0, text: "" };
  const server = await httpOrigin((_request, response) => {
    state.asked++;
    response.end(state.text === "" ? JSON.stringify({ keys: state.keys }) : state.text);
  });
  return { ...server, state };
}

interface Wanted {
  readonly key?: KeyObject;
  readonly header?: { readonly alg: string; readonly [name: string]: unknown };
  readonly claims?: Record<string, unknown>;
}

const now = () => Math.floor(Date.now() / 1000);

function usualClaims() {
  return { iss: "https://idp.test", aud: "shop", sub: "ann", exp: now() + 300 };
}

function sign({
  key = rsa.privateKey,
  header = { alg: "RS256", kid: "one" },
  claims,
}: Wanted = {}) {
  return new SignJWT({ ...usualClaims(), ...claims }).setProtectedHeader(header).sign(key);
}

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

function start(service: string, jwt: object) {
  return startTidegate({
    config: {
      listeners: { web: "127.0.0.1:0" },
      routes: { "app.test": { service, middlewares: { jwt } } },
    },
  });
}

test("a good token lets in, and the backend is told what it says", bounded, async () => {
  await using origin = await echo();
  await using keys = await publisher(
    jwkOf(rsa.publicKey, { kid: "one", use: "sig" }),
    jwkOf(ec.publicKey, { kid: "two", alg: "ES256" }),
    { kty: "oct", kid: "three", k: "c2VjcmV0" },
  );
  await using tidegate = await start(origin.url, {
    jwks: `${keys.url}/jwks`,
    issuer: "https://idp.test",
    audience: ["shop", "api"],
    headers: {
      "X-User": "sub",
      "X-Groups": "groups",
      "X-Role": "realm_access.roles",
      "X-Odd": "odd",
    },
    require: { groups: ["admin", "dev"], scope: "read" },
    removeToken: true,
  });
  const port = tidegate.port();
  const claims = {
    groups: ["dev", "ops"],
    scope: "read write",
    realm_access: { roles: ["a,admin"] },
    odd: "a\r\nX-Admin: 1",
    sub: "ännchen",
  };
  const forged = {
    "X-User": "root",
    X_User: "root",
    "x-groups": "admin",
    "X-Role": "admin",
    "X-Odd": "1",
  };
  const tokens = [
    await sign({ claims }),
    await sign({ claims, key: ec.privateKey, header: { alg: "ES256", kid: "two", typ: "at+jwt" } }),
    await sign({ claims, header: { alg: "PS256", typ: "JWT" } }),
  ];
  for (const token of [...tokens, ...tokens]) {
    const answer = await ask(port, { headers: { ...forged, Authorization: `Bearer ${token}` } });
    assert.equal(answer.status, 200);
    const told = answer.body.split("\n").filter((each) => /^(x[-_]|authorization)/i.test(each));
    const own = told.filter((each) => !/^x-(forwarded|real)/i.test(each));
    assert.deepEqual(own, [`X-User: ${Buffer.from("ännchen").latin1Slice()}`, "X-Groups: dev,ops"]);
    assert.doesNotMatch(answer.body, /root|admin|^authorization/im);
  }
  await tidegate.waitForLog(/"remoteUser":".*nnchen"/);
  const refused = await ask(port, {
    headers: { Authorization: `Bearer ${await sign({ claims: { ...claims, groups: "guest" } })}` },
  });
  assert.equal(refused.status, 403);
  assert.equal(
    field(refused, "www-authenticate"),
    'Bearer realm="tidegate", error="insufficient_scope"',
  );
  assert.equal(
    (
      await ask(port, {
        headers: {
          Authorization: `Bearer ${await sign({ claims: { ...claims, scope: "reader" } })}`,
        },
      })
    ).status,
    403,
  );
  const none = await ask(port);
  assert.deepEqual(
    [none.status, field(none, "www-authenticate")],
    [401, 'Bearer realm="tidegate"'],
  );
  assert.equal(keys.state.asked, 1);
});

test("no token that only looks like one lets in", bounded, async () => {
  await using origin = await echo();
  const pem = String(rsa.publicKey.export({ type: "spki", format: "pem" }));
  await using tidegate = await start(origin.url, {
    keys: [pem, JSON.stringify(jwkOf(ec.publicKey, { kid: "two" }))],
    issuer: "https://idp.test",
    audience: "shop",
    leeway: "1s",
  });
  const port = tidegate.port();
  const statusOf = async (token: string) =>
    (await ask(port, { headers: { Authorization: `Bearer ${token}` } })).status;
  const good = await sign();
  assert.equal(await statusOf(good), 200);
  const [header = "", payload = "", signature = ""] = good.split(".");
  const confused = (alg: string, secret: string) => {
    const text = `${base64({ alg, kid: "one" })}.${base64(usualClaims())}`;
    const hash = `sha${alg.slice(2)}`;
    return `${text}.${createHmac(hash, secret).update(text).digest("base64url")}`;
  };
  const signedRaw = (claims: string) => {
    const text = `${base64({ alg: "HS256" })}.${Buffer.from(claims).toString("base64url")}`;
    return `${text}.${createHmac("sha256", "x".repeat(32)).update(text).digest("base64url")}`;
  };
  const der = rsa.publicKey.export({ type: "spki", format: "der" });
  const bad: Record<string, string> = {
    unsigned: new UnsecuredJWT(usualClaims()).encode(),
    "none with a signature": `${base64({ alg: "none" })}.${payload}.${signature}`,
    None: `${base64({ alg: "None" })}.${payload}.`,
    nOnE: `${base64({ alg: "nOnE" })}.${payload}.${signature}`,
    "the public key as a secret": confused("HS256", pem),
    "the same without its line end": confused("HS512", pem.trim()),
    "its bytes": confused("HS256", der.toString("latin1")),
    "a secret nobody set": signedRaw(JSON.stringify(usualClaims())),
    "another's": await sign({ key: other.privateKey }),
    "its own key in the header": await sign({
      key: other.privateKey,
      header: { alg: "RS256", jwk: other.publicKey.export({ format: "jwk" }) },
    }),
    "changed claims": `${header}.${base64({ ...usualClaims(), sub: "root" })}.${signature}`,
    "no signature": `${header}.${payload}.`,
    "two parts": `${header}.${payload}`,
    "four parts": `${good}.x`,
    padding: `${header}.${payload}.${signature}==`,
    "another issuer": await sign({ claims: { iss: "https://evil.test" } }),
    "no issuer": await sign({ claims: { iss: undefined } }),
    "another audience": await sign({ claims: { aud: ["shopping", "SHOP"] } }),
    "no audience": await sign({ claims: { aud: undefined } }),
    expired: await sign({ claims: { exp: now() - 2 } }),
    "without an end": await sign({ claims: { exp: undefined } }),
    "an end that is a text": await sign({ claims: { exp: String(now() + 300) } }),
    "not yet": await sign({ claims: { nbf: now() + 60 } }),
    "another type": await sign({ header: { alg: "RS256", typ: "logout+jwt" } }),
    "critical and unknown": await sign({ header: { alg: "RS256", crit: ["exp"], exp: 1 } }).catch(
      () => `${base64({ alg: "RS256", crit: ["exp"], exp: 1 })}.${payload}.${signature}`,
    ),
    "a kid that is a path": await sign({
      key: other.privateKey,
      header: { alg: "RS256", kid: "../../dev/null" },
    }),
    huge: `${header}.${"A".repeat(17_000)}.${signature}`,
  };
  for (const [what, token] of Object.entries(bad)) assert.equal(await statusOf(token), 401, what);
  const twice = await ask(port, { headers: { Authorization: `Bearer ${good}, Bearer ${good}` } });
  assert.equal(twice.status, 401);
  const expired = await ask(port, { headers: { Authorization: `Bearer ${bad["expired"] ?? ""}` } });
  assert.match(
    field(expired, "www-authenticate"),
    /error="invalid_token", error_description="the token has expired"/,
  );
});

test("a secret is for HS256 alone, and where a token stands can be chosen", bounded, async () => {
  await using origin = await echo();
  const secret = "s".repeat(40);
  const key = Buffer.from(secret);
  await using tidegate = await start(origin.url, {
    secret,
    audience: "any",
    algorithms: ["HS256"],
    from: ["cookie:token", "query:token"],
    removeToken: true,
  });
  const hs = (alg: string, claims: Record<string, unknown> = {}) =>
    new SignJWT({ ...usualClaims(), ...claims }).setProtectedHeader({ alg }).sign(key);
  const port = tidegate.port();
  const token = await hs("HS256", { aud: undefined });
  const byCookie = await ask(port, { headers: { Cookie: `a=1; token=${token}` } });
  assert.equal(byCookie.status, 200);
  assert.match(byCookie.body, /^Cookie: a=1$/m);
  const byQuery = await ask(port, { path: `/x?token=${token}&b=1` });
  assert.match(byQuery.body, /^GET \/x\?b=1\n/);
  const byHeader = { Authorization: `Bearer ${token}` };
  assert.equal((await ask(port, { headers: byHeader })).status, 401);
  assert.equal((await ask(port, { path: `/?token=${await hs("HS512")}` })).status, 401);
  const text = `${base64({ alg: "HS256" })}.${Buffer.from(
    `{"sub":"ann","exp":${now() + 60},"sub":"root"}`,
  ).toString("base64url")}`;
  const doubled = `${text}.${createHmac("sha256", key).update(text).digest("base64url")}`;
  assert.equal((await ask(port, { path: `/?token=${doubled}` })).status, 401, "a name twice");
});

test(
  "keys that change are found, and nobody can have them asked for without end",
  bounded,
  async () => {
    await using origin = await echo();
    await using keys = await publisher(
      jwkOf(rsa.publicKey, { kid: "one" }),
      jwkOf(weak.publicKey, { kid: "weak" }),
    );
    await using tidegate = await start(origin.url, {
      jwks: keys.url,
      audience: "shop",
      refresh: "30s",
    });
    const port = tidegate.port();
    const statusOf = async (wanted: Wanted = {}) =>
      (await ask(port, { headers: { Authorization: `Bearer ${await sign(wanted)}` } })).status;
    assert.equal(await statusOf(), 200);
    const unknown = Array.from({ length: 20 }, (_, at) =>
      statusOf({ key: other.privateKey, header: { alg: "RS256", kid: `k${at}` } }),
    );
    assert.deepEqual(new Set(await Promise.all(unknown)), new Set([401]));
    assert.equal(keys.state.asked, 1, "asked a moment ago");
  },
);

test("keys that cannot be had let nobody in, and are asked for again", bounded, async () => {
  await using origin = await echo();
  await using keys = await publisher(jwkOf(rsa.publicKey, { kid: "one" }));
  const bad = [`<html>${"login ".repeat(10)}</html>`, '{"keys":[]}', " ".repeat(600_000)];
  for (const text of bad) {
    keys.state.text = text;
    await using tidegate = await start(origin.url, { jwks: keys.url, audience: "shop" });
    const headers = { Authorization: `Bearer ${await sign()}` };
    assert.equal((await ask(tidegate.port(), { headers })).status, 503, text.slice(0, 20));
    await tidegate.waitForLog(/keys of tokens cannot be had/);
    if (text !== bad[0]) continue;
    keys.state.text = "";
    await eventually(
      "its keys",
      async () => {
        const { status } = await ask(tidegate.port(), { headers });
        return status === 200 ? true : undefined;
      },
      20_000,
    );
  }
});
