// Logins at a real provider of OpenID Connect: in a browser, and by hand for what no browser does.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { ask, field } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { chromiumNeeds, openChromium } from "../harness/chromium-page.ts";
import { freePort } from "../harness/free-port.ts";
import { client, identityProvider } from "../harness/identity-provider.ts";
import { needs } from "../harness/needs.ts";
import { httpOrigin } from "../harness/origin.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 120_000 };

/** Says who the proxy told it is there. */
const backend = () =>
  httpOrigin((request, response) => {
    const { "x-user": user, "x-groups": groups, cookie } = request.headers;
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    const said = [`user=${String(user)}`, `groups=${String(groups)}`, `cookie=${String(cookie)}`];
    response.end(`<!doctype html><title>app</title><p id=said>${said.join(" ")} ${request.url}`);
  });

async function stand(settings: object = {}) {
  await using stack = new AsyncDisposableStack();
  const [idPort, webPort] = [await freePort(), await freePort()];
  const app = `http://app.localhost:${webPort}`;
  const admin = `http://admin.localhost:${webPort}`;
  const identity = stack.use(
    await identityProvider({
      port: idPort,
      redirectUris: [`${app}/.tidegate/login`, `${admin}/.tidegate/login`],
      afterLogout: [`${app}/bye`],
    }),
  );
  const origin = stack.use(await backend());
  const oidc = {
    issuer: identity.issuer,
    clientId: client.id,
    clientSecret: client.secret,
    headers: { "X-User": "sub", "X-Groups": "groups" },
    afterLogout: `${app}/bye`,
    ...settings,
  };
  const route = (host: string, more: object = {}) => ({
    host,
    service: origin.url,
    middlewares: [{ oidc: { ...oidc, ...more } }],
  });
  const folder = stack.use(await tempFolder());
  const config = {
    listeners: { web: `127.0.0.1:${webPort}` },
    stateFolder: folder.file("state"),
    workers: 2,
    routes: {
      app: route("app.localhost"),
      admin: route("admin.localhost", { require: { groups: "admins" } }),
      bye: { host: "app.localhost", pathExact: "/bye", respond: { body: "bye" } },
    },
  };
  const program = stack.use(await startTidegate({ config }));
  const moved = stack.move();
  return {
    ...{ app, admin, identity, program, config, port: webPort },
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

test(
  "people log in, are told to the backend, are held to rules, and log out",
  { ...bounded, skip: needs(...chromiumNeeds) },
  async () => {
    await using place = await stand();
    await using browser = await openChromium();
    const { page } = browser;
    const logIn = async (name: string) => {
      await page.fill("input[name=login]", name);
      await page.fill("input[name=password]", "any");
      await page.click("button[type=submit]");
    };
    await page.goto(`${place.app}/deep/page?a=b&c=d`);
    await browser.picture("oidc-login");
    await logIn("bob");
    await page.click("button[type=submit]");
    await page.waitForURL(`${place.app}/deep/page?a=b&c=d`);
    const said = async () => (await page.textContent("#said")) ?? "";
    assert.match(await said(), /user=bob groups=staff cookie=undefined \/deep\/page\?a=b&c=d/);
    // On any worker, and without another login.
    for (let count = 0; count < 10; count++) {
      await page.goto(`${place.app}/${count}`);
      assert.match(await said(), /user=bob/);
    }
    assert.equal(place.identity.redeemed, 1);
    // Another host, the same provider: nobody is asked for a password, and bob is not let in.
    const refused = await page.goto(`${place.admin}/`);
    assert.equal(refused?.status(), 403);
    await browser.picture("oidc-forbidden");
    const cookies = await page.context().cookies(place.app);
    const session = cookies.find(({ name }) => name === "tidegate-session");
    assert.ok(session?.httpOnly && session.sameSite === "Lax", JSON.stringify(cookies));
    assert.doesNotMatch(decodeURIComponent(session.value), /bob|staff/);
    await page.goto(`${place.app}/.tidegate/logout`);
    const button = page.locator("button[name=logout]");
    if ((await button.count()) > 0) await button.click();
    await page.waitForURL(`${place.app}/bye`);
    await page.goto(`${place.app}/again`);
    assert.match(page.url(), /^http:\/\/localhost:/, "the login is asked for anew");
    await logIn("ann");
    if (await page.locator("button[type=submit]").count()) await page.click("button[type=submit]");
    await page.waitForURL(`${place.app}/again`);
    assert.match(await said(), /user=ann groups=admins,staff/);
    // There bob is logged in still: each host has a session of its own.
    assert.equal((await page.goto(`${place.admin}/`))?.status(), 403);
    await page.context().clearCookies({ domain: "admin.localhost" });
    assert.equal((await page.goto(`${place.admin}/`))?.status(), 200);
    assert.match(await said(), /user=ann/);
  },
);

test("what a login can be abused with leads nowhere", bounded, async () => {
  await using place = await stand();
  const { port } = place;
  const get = (
    path: string,
    headers: Record<string, string> = {},
    name = `app.localhost:${port}`,
  ) => ask(port, { path, name, headers: { Accept: "text/html", ...headers } });
  const begun = await eventually("the provider to be known", async () => {
    const answer = await get("//evil.example/x");
    return answer.status === 302 ? answer : undefined;
  });
  const url = new URL(field(begun, "location"));
  const set = field(begun, "set-cookie");
  assert.match(set, /HttpOnly; SameSite=Lax$/);
  assert.equal(url.searchParams.get("code_challenge_method"), "S256");
  assert.equal(url.searchParams.get("redirect_uri"), `${place.app}/.tidegate/login`);
  const state = url.searchParams.get("state") ?? "";
  const cookie = set.split(";")[0] ?? "";
  const back = (query: string, sent = cookie) =>
    get(`/.tidegate/login?${query}`, sent === "" ? {} : { Cookie: sent });
  const iss = `iss=${encodeURIComponent(place.identity.issuer)}`;
  const cases: readonly (readonly [string, string, string?])[] = [
    ["no cookie: another browser", `state=${state}&code=x&${iss}`, ""],
    ["another state", `state=${state}x&code=x&${iss}`],
    ["no state", `code=x&${iss}`],
    ["two states", `state=${state}&state=${state}&code=x&${iss}`],
    [
      "a cookie of somebody else",
      `state=${state}&code=x&${iss}`,
      cookie.replace(/=.*/, "=AAAA".repeat(30)),
    ],
    ["another provider", `state=${state}&code=x&iss=https%3A%2F%2Fevil.example`],
    ["no provider, where it says who it is", `state=${state}&code=x`],
    ["a refusal", `state=${state}&error=access_denied&error_description=%0d%0aX-A:%20b&${iss}`],
  ];
  for (const [what, query, sent] of cases) {
    const answer = await back(query, sent);
    assert.equal(answer.status, 400, what);
    assert.equal(field(answer, "location") + field(answer, "x-a"), "", what);
    assert.doesNotMatch(field(answer, "set-cookie"), /tidegate-session=[^;]/, what);
  }
  const made = await back(`state=${state}&code=made-up&${iss}`);
  assert.equal(made.status, 502, "the provider knows no such code");
  assert.doesNotMatch(field(made, "set-cookie"), /tidegate-session=[^;]/);
  // A session that nobody sealed, a login's seal in its place, and what is nearly one.
  const seal = cookie.slice(cookie.indexOf("=") + 1);
  for (const value of ["x", seal, `${seal}x`, "A".repeat(3000), "%00", ""]) {
    const answer = await get("/", { Cookie: `tidegate-session=${value}`, "X-User": "ann" });
    assert.equal(answer.status, 302, value.slice(0, 20));
  }
  const script = await ask(port, {
    name: `app.localhost:${port}`,
    headers: { Accept: "application/json" },
  });
  assert.equal(script.status, 401);
  const form = await ask(port, {
    name: `app.localhost:${port}`,
    method: "POST",
    body: "a=b",
    headers: { Accept: "text/html" },
  });
  assert.equal(form.status, 401);
  const many = Array.from({ length: 9 }, (_, at) => `tidegate-session-login-${at}=x`).join("; ");
  const cleared = field(await get("/", { Cookie: many }), "set-cookie");
  assert.match(cleared, /tidegate-session-login-0=; Path=\/; Max-Age=0/);
});

test(
  "without the provider nobody new comes in, and it is found when it is there",
  bounded,
  async () => {
    const [idPort, webPort] = [await freePort(), await freePort()];
    await using origin = await backend();
    await using folder = await tempFolder();
    const secret = folder.file("secret");
    await writeFile(secret, `${client.secret}\n`);
    const oidc = {
      issuer: `http://localhost:${idPort}`,
      clientId: client.id,
      clientSecretFile: secret,
    };
    const config = {
      listeners: { web: `127.0.0.1:${webPort}` },
      stateFolder: folder.file("state"),
      routes: { app: { host: "app.localhost", service: origin.url, middlewares: { oidc } } },
    };
    await using program = await startTidegate({ config });
    const get = () =>
      ask(webPort, { name: `app.localhost:${webPort}`, headers: { Accept: "text/html" } });
    assert.equal((await get()).status, 503);
    await program.waitForLog(/does not say where people may log in/);
    await using _ = await identityProvider({
      port: idPort,
      redirectUris: [`http://app.localhost:${webPort}/.tidegate/login`],
    });
    await eventually("it to be found", async () =>
      (await get()).status === 302 ? true : undefined,
    );
    assert.doesNotMatch(
      program.stderr() + program.stdout(),
      new RegExp(client.secret.slice(0, 10)),
    );
  },
);
