// Logins where the provider, or what comes in its name, is not what it should be; and sessions that were made for something
// else. The provider is a real server that says whatever the test wants.

import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { base64url, SignJWT, UnsecuredJWT } from "jose";
import { ask, field } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { httpOrigin } from "../harness/origin.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 120_000 };

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const other = generateKeyPairSync("rsa", { modulusLength: 2048 });
const publicPem = rsa.publicKey.export({ type: "spki", format: "pem" }).toString();

type Claims = Record<string, unknown>;

/** @param slash at the end of what it calls itself */
async function provider(slash = "") {
  const state = { token: (): Promise<string> | string => "{}", redeemed: 0, userinfo: "{}" };
  const server = await httpOrigin((request, response) => {
    const path = request.url ?? "";
    const say = (body: unknown) => response.end(JSON.stringify(body));
    response.setHeader("Content-Type", "application/json");
    if (path.endsWith("/openid-configuration")) {
      say({
        issuer: `${server.url}${slash}`,
        authorization_endpoint: `${server.url}/authorize`,
        token_endpoint: `${server.url}/token`,
        userinfo_endpoint: `${server.url}/userinfo`,
        jwks_uri: `${server.url}/jwks`,
      });
    } else if (path === "/jwks") {
      say({ keys: [{ ...rsa.publicKey.export({ format: "jwk" }), kid: "one", use: "sig" }] });
    } else if (path === "/userinfo") response.end(state.userinfo);
    else {
      state.redeemed++;
      void Promise.resolve(state.token()).then((text) => response.end(text));
    }
  });
  return { ...server, state, issuer: `${server.url}${slash}` };
}

async function stand(settings: object = {}, slash = "") {
  await using stack = new AsyncDisposableStack();
  const identity = stack.use(await provider(slash));
  const backend = await httpOrigin((request, response) => {
    const { "x-user": user, "x-groups": groups, cookie } = request.headers;
    response.end(`user=${String(user)} groups=${String(groups)} cookie=${String(cookie)}`);
  });
  stack.use(backend);
  const folder = stack.use(await tempFolder());
  const configOf = (more: object) => {
    const oidc = { issuer: identity.url, clientId: "us", headers: { "X-User": "sub" }, ...more };
    return {
      listeners: { web: "127.0.0.1:0" },
      stateFolder: folder.file("state"),
      workers: 1,
      routes: Object.fromEntries(
        ["app.test", "b.test"].map((host) => [
          host,
          { service: backend.url, middlewares: { oidc } },
        ]),
      ),
    };
  };
  const program = stack.use(await startTidegate({ config: configOf(settings) }));
  const port = program.port("web");
  const get = (path: string, cookie = "", name = "app.test") =>
    ask(port, {
      ...{ path, name },
      headers: { Accept: "text/html", ...(cookie === "" ? {} : { Cookie: cookie }) },
    });
  const begin = async (path = "/") => {
    const begun = await eventually("a login to begin", async () => {
      const answer = await get(path);
      return answer.status === 302 ? answer : undefined;
    });
    const asked = new URL(field(begun, "location")).searchParams;
    const [cookie = ""] = field(begun, "set-cookie").split(";");
    return { cookie, state: asked.get("state") ?? "", nonce: asked.get("nonce") ?? "" };
  };
  const claimsOf = (nonce: string): Claims => {
    const now = Math.floor(Date.now() / 1000);
    return { iss: identity.issuer, aud: "us", sub: "ann", iat: now, exp: now + 60, nonce };
  };
  const sign = (claims: Claims, header: { alg: string; kid?: string } = { alg: "RS256" }) =>
    new SignJWT(claims).setProtectedHeader(header).sign(rsa.privateKey);
  /** @param more cookies that the browser has */
  const logIn = async (claims: Claims = {}, more = "") => {
    const { cookie, state, nonce } = await begin();
    identity.state.token = async () =>
      JSON.stringify({
        id_token: await sign({ ...claimsOf(nonce), ...claims }),
        access_token: "a",
      });
    const answer = await get(`/.tidegate/login?state=${state}&code=c`, `${cookie}; ${more}`);
    const set = answer.headers.flatMap(([name, value]) =>
      name.toLowerCase() === "set-cookie" ? [value] : [],
    );
    const session = set.find((each) => /^tidegate-session=[^;]/.test(each))?.split(";")[0] ?? "";
    return { answer, session };
  };
  const moved = stack.move();
  return {
    ...{ identity, program, get, begin, claimsOf, sign, logIn, configOf },
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

test(
  "a token that is not for this login, from this provider and for us lets nobody in",
  bounded,
  async () => {
    await using place = await stand();
    const { identity, get, begin, claimsOf, sign } = place;
    const hmac = (claims: Claims, secret: string) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: "HS256", kid: "one" })
        .sign(Buffer.from(secret));
    const cases: Readonly<Record<string, (claims: Claims) => Promise<string> | string>> = {
      unsigned: (claims) => new UnsecuredJWT(claims).encode(),
      "the public key as a secret": (claims) => hmac(claims, publicPem),
      "the public key's other spelling": (claims) => hmac(claims, publicPem.trim()),
      "somebody else's key": (claims) =>
        new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid: "one" }).sign(other.privateKey),
      "a key that it brings itself": (claims) =>
        new SignJWT(claims)
          .setProtectedHeader({ alg: "RS256", jwk: other.publicKey.export({ format: "jwk" }) })
          .sign(other.privateKey),
      "a name of a key that is a path": (claims) =>
        sign(claims, { alg: "RS256", kid: "../../dev/null" }),
      "another login": (claims) => sign({ ...claims, nonce: "another" }),
      "no nonce": (claims) => sign({ ...claims, nonce: undefined }),
      "another issuer": (claims) => sign({ ...claims, iss: "https://evil.example" }),
      "for others": (claims) => sign({ ...claims, aud: "others" }),
      "for others as well, and made for them": (claims) =>
        sign({ ...claims, aud: ["us", "others"], azp: "others" }),
      "long ago": (claims) => sign({ ...claims, exp: 1000 }),
      "for ever": (claims) => sign({ ...claims, exp: undefined }),
      nobody: (claims) => sign({ ...claims, sub: undefined }),
      "another body": async (claims) => {
        const [head, , seal] = (await sign(claims)).split(".");
        return [head, base64url.encode(JSON.stringify({ ...claims, sub: "root" })), seal].join(".");
      },
      nothing: () => "",
    };
    for (const [what, make] of Object.entries(cases)) {
      const { cookie, state, nonce } = await begin();
      identity.state.token = async () => JSON.stringify({ id_token: await make(claimsOf(nonce)) });
      const answer = await get(`/.tidegate/login?state=${state}&code=c`, cookie);
      assert.equal(answer.status, 502, what);
      assert.doesNotMatch(field(answer, "set-cookie"), /tidegate-session=[^;]/, what);
    }
    const { answer, session } = await place.logIn();
    assert.equal(answer.status, 303, "and a good one does");
    assert.match((await get("/", session)).body, /user=ann/);
  },
);

test(
  "a login comes back once, and nothing of what a provider says gets into the log",
  bounded,
  async () => {
    await using place = await stand();
    const { identity, get, begin, program } = place;
    const { cookie, state } = await begin();
    identity.state.token = () => '{"access_token":s3cr3t-of-ann}';
    const back = () => get(`/.tidegate/login?state=${state}&code=c`, cookie);
    assert.equal((await back()).status, 503);
    for (let count = 0; count < 5; count++) assert.equal((await back()).status, 400);
    assert.equal(identity.state.redeemed, 1);
    await program.waitForLog(/something else than JSON/);
    assert.doesNotMatch(program.stderr() + program.stdout(), /s3cr3t|-of-ann/);
  },
);

test("a provider may have a slash at the end of its name", bounded, async () => {
  await using place = await stand({}, "/");
  const { answer, session } = await place.logIn();
  assert.equal(answer.status, 303);
  assert.match((await place.get("/", session)).body, /user=ann/);
});

test("a session of one host is none of another", bounded, async () => {
  await using place = await stand();
  const { session } = await place.logIn();
  assert.equal((await place.get("/", session, "APP.test:80")).status, 200);
  assert.equal((await place.get("/", session, "b.test")).status, 302);
});

test("cookies of the same name that somebody else has set keep nobody out", bounded, async () => {
  await using place = await stand();
  const { session } = await place.logIn();
  const name = "tidegate-session=";
  for (const cookies of [
    `${name}x; ${session}`,
    `${session}; ${name}x`,
    `${name}; ${name}"; ${session}`,
  ]) {
    const answer = await place.get("/", `a=1; ${cookies}; b=2`);
    assert.equal(answer.body, "user=ann groups=undefined cookie=a=1; b=2", cookies);
  }
});

test(
  "a session that was made for other claims is none, and the next one is for all of them",
  bounded,
  async () => {
    await using place = await stand();
    const { get, program, configOf } = place;
    const { session } = await place.logIn({ groups: ["staff"] });
    assert.equal((await get("/", session)).status, 200);
    const headers = { "X-User": "name", "X-Groups": "groups" };
    await program.writeConfig(configOf({ headers, require: { groups: "staff" } }));
    await eventually("another login", async () =>
      (await get("/", session)).status === 302 ? true : undefined,
    );
    const next = await place.logIn({ groups: ["staff"], name: "Ann\r\nX-Groups: root" }, session);
    assert.equal(next.answer.status, 303);
    // Its name is no value of a field.
    const seen = (await get("/", next.session)).body;
    assert.equal(seen, "user=undefined groups=staff cookie=undefined");
    // A route that needs what the first one needed is not asked to log in again, nor one that needs what is not there.
    await program.writeConfig(configOf({ userClaim: "missing" }));
    await eventually("another login", async () =>
      (await get("/", next.session)).status === 302 ? true : undefined,
    );
    const last = await place.logIn({}, next.session);
    assert.match((await get("/", last.session)).body, /user=ann/);
    await program.writeConfig(configOf({ headers, require: { groups: "staff" } }));
    await eventually("the rule", async () =>
      (await get("/", last.session)).status === 403 ? true : undefined,
    );
  },
);

test(
  "a host that the domain of the cookie does not cover is told so, and not sent to and fro",
  bounded,
  async () => {
    await using place = await stand({ domain: "example.com" });
    assert.equal((await place.get("/")).status, 500);
    await place.program.waitForLog(/not below the domain of the cookie/);
  },
);

test("what a secret's file holds is in no log", bounded, async () => {
  await using folder = await tempFolder();
  const file = folder.file("oidc.secret");
  await writeFile(file, "s3cr3t-of-us\n");
  await using place = await stand({ clientSecretFile: file });
  const { answer } = await place.logIn();
  assert.equal(answer.status, 303);
  assert.doesNotMatch(place.program.stderr() + place.program.stdout(), /s3cr3t-of-us/);
});
