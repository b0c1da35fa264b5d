// Sessions that stay with their backend: by a cookie of ours that tells nobody anything, by one of another
// proxy, and by the application's own session; and what becomes of them when the backend goes.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { eventually } from "../harness/barrier.ts";
import type { Response } from "../harness/client.ts";
import type { LiveOrigin, Seen } from "../harness/live-origin.ts";
import { valuesOf } from "../harness/message.ts";
import { countsOf, originOf, origins, type Stand, startStand } from "../harness/service-stand.ts";

const bounded = { timeout: 30_000 };

interface SetCookie {
  readonly name: string;
  readonly value: string;
  /** Names in lower case. */
  readonly attributes: Readonly<Record<string, string>>;
}

function cookiesOf(response: Response): SetCookie[] {
  return valuesOf(response.headers, "set-cookie").map((line) => {
    const [pair = "", ...rest] = line.split(/; ?/);
    const [name = "", value = ""] = pair.split(/=(.*)/s);
    const attributes = rest.map((each) => {
      const [key = "", text = ""] = each.split("=");
      return [key.toLowerCase(), text];
    });
    return { name, value, attributes: Object.fromEntries(attributes) };
  });
}

/** The one cookie that was set. */
function cookieOf(response: Response): SetCookie {
  const cookies = cookiesOf(response);
  const [cookie] = cookies;
  if (cookie === undefined || cookies.length > 1) {
    throw new Error(`${cookies.length} cookies: ${JSON.stringify(response.headers)}`);
  }
  return cookie;
}

const withCookie = (value: string, name = "tidegate") => ({
  headers: { Cookie: `first=1; ${name}=${value}; last=2` },
});

/** A cookie for each origin, by its name. */
async function cookiesByOrigin(stand: Stand, count: number): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  await eventually("a cookie of each origin", async () => {
    const response = await stand.ask();
    found[originOf(response)] = cookieOf(response).value;
    return Object.keys(found).length === count || undefined;
  });
  return found;
}

test("the cookie is for the host, hidden from scripts, and not sent to other sites", async () => {
  await using stack = new AsyncDisposableStack();
  const [a] = await origins(stack, "a");
  await using stand = await startStand({ service: { backends: [a.url], sticky: true } });
  const { name, attributes } = cookieOf(await stand.ask());
  assert.equal(name, "tidegate");
  const { samesite, ...others } = attributes;
  assert.deepEqual(others, { path: "/", httponly: "" });
  assert.equal(samesite?.toLowerCase(), "lax");
});

test("its name and every attribute can be chosen", async () => {
  await using stack = new AsyncDisposableStack();
  const [a] = await origins(stack, "a");
  const sticky = {
    cookie: "srv",
    path: "/app",
    domain: "app.test",
    maxAge: "1h",
    sameSite: "strict",
    httpOnly: false,
    secure: "always",
  };
  await using stand = await startStand({ service: { backends: [a.url], sticky } });
  const { name, attributes } = cookieOf(await stand.ask({ path: "/app/x" }));
  assert.equal(name, "srv");
  const { samesite, domain, ...others } = attributes;
  assert.deepEqual(others, { path: "/app", secure: "", "max-age": "3600" });
  assert.equal(samesite?.toLowerCase(), "strict");
  assert.match(domain ?? "", /^\.?app\.test$/);
});

test("one for other sites is always Secure, and `never` never is otherwise", async () => {
  await using stack = new AsyncDisposableStack();
  const [a] = await origins(stack, "a");
  for (const [sticky, isSecure] of [
    [{ sameSite: "none" }, true],
    [{ secure: "never" }, false],
    [{ secure: "auto" }, false],
  ] as const) {
    await using stand = await startStand({ service: { backends: [a.url], sticky } });
    const { attributes } = cookieOf(await stand.ask());
    assert.equal("secure" in attributes, isSecure, JSON.stringify(sticky));
  }
});

test("its value names no address, in no usual encoding, and is another one elsewhere", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = await origins(stack, "a", "b");
  const service = { backends: [a.url, b.url], sticky: true };
  await using stand = await startStand({ service });
  await using other = await startStand({ service });
  const [ours, others] = [await cookiesByOrigin(stand, 2), await cookiesByOrigin(other, 2)];
  const values = [...Object.values(ours), ...Object.values(others)];
  assert.equal(new Set(values).size, 4, "by backend and by installation");
  for (const value of values) {
    assert.match(value, /^[!#-+\--:<-[\]-~]{10,100}$/, "characters of a cookie value");
    const readings = [
      value,
      decodeURIComponent(value),
      ...(["base64", "base64url", "hex"] as const).map((encoding) =>
        Buffer.from(value, encoding).toString("latin1"),
      ),
    ];
    for (const reading of readings) {
      for (const secret of ["127.0.0.1", "http", String(a.port), String(b.port), "\x7f\0\0\x01"]) {
        assert.ok(!reading.includes(secret), `${value} holds ${secret}`);
      }
    }
  }
});

test("a client stays where it is, in all workers, and is given its cookie once", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b, c] = await origins(stack, "a", "b", "c");
  const service = { backends: [a.url, b.url, c.url], sticky: true };
  await using stand = await startStand({ service, workers: 2 });
  const cookies = await cookiesByOrigin(stand, 3);
  for (const [name, value] of Object.entries(cookies)) {
    for (const response of await stand.askApart(12, withCookie(value))) {
      assert.equal(originOf(response), name);
      assert.deepEqual(cookiesOf(response), []);
    }
  }
});

test("when its backend dies a client is given another one, with its cookie", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = await origins(stack, "a", "b");
  const passive = { deadFor: "300ms" };
  await using stand = await startStand({
    service: { backends: [a.url, b.url], sticky: true, passive },
  });
  const { a: old = "", b: other } = await cookiesByOrigin(stand, 2);
  await a.kill();
  for (let n = 0; n < 3; n += 1) {
    const response = await stand.ask(withCookie(old));
    assert.deepEqual([response.status, originOf(response)], [200, "b"], `request ${n}`);
    assert.equal(cookieOf(response).value, other);
  }
  const after = await stand.ask(withCookie(other ?? ""));
  assert.deepEqual([originOf(after), cookiesOf(after)], ["b", []]);
  await a.revive();
  await eventually("a session of a backend that is back", async () => {
    const response = await stand.ask(withCookie(old));
    return (originOf(response) === "a" && cookiesOf(response).length === 0) || undefined;
  });
});

test("a cookie that is not ours, or another service's, is answered with a new one", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = await origins(stack, "a", "b");
  const service = { backends: [a.url, b.url], sticky: true };
  await using stand = await startStand({
    service,
    services: { other: service },
    routes: { "other.test": { service: "other" } },
  });
  const { a: valid = "" } = await cookiesByOrigin(stand, 2);
  const flipped = (valid.startsWith("A") ? "B" : "A") + valid.slice(1);
  const foreign = cookieOf(await stand.ask({ name: "other.test" })).value;
  const values = ["", "x", flipped, valid.slice(0, -1), `${valid}x`, "A".repeat(4000), foreign];
  for (const value of [
    ...values,
    "__proto__",
    "constructor",
    a.url,
    `127.0.0.1:${a.port}`,
    "%00",
  ]) {
    const response = await stand.ask(withCookie(value));
    assert.equal(response.status, 200, value);
    assert.match(cookieOf(response).value, /./, value);
  }
});

test("an accepted cookie of another proxy names backends of the route, and nobody else", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b, foreign] = await origins(stack, "a", "b", "foreign");
  const sticky = { legacy: "SERVERID" };
  await using stand = await startStand({
    service: { backends: [a.url, b.url], sticky },
    services: { other: [foreign.url] },
    routes: { "other.test": { service: "other" } },
  });
  for (const each of [a, b]) {
    const known = withCookie(`127.0.0.1:${each.port}`, "SERVERID");
    const names = (await stand.askApart(6, known)).map(originOf);
    assert.deepEqual(countsOf(names), { [each.name]: 6 });
  }
  const { port } = foreign;
  for (const value of [
    `127.0.0.1:${port}`,
    `localhost:${port}`,
    `http://127.0.0.1:${port}`,
    `127.0.0.1:${a.port}@127.0.0.1:${port}`,
    `127.0.0.1:${a.port},127.0.0.1:${port}`,
    `[::ffff:127.0.0.1]:${port}`,
    `0x7f.1:${port}`,
    ":",
    `:${port}`,
    String(port),
    "",
  ]) {
    const responses = await stand.askApart(3, withCookie(value, "SERVERID"));
    for (const response of responses) {
      assert.equal(response.status, 200, value);
      assert.match(originOf(response), /^[ab]$/, value);
    }
  }
  assert.equal(foreign.requests.length, 0, "nobody was led there");
});

test("a backend that drains keeps its sessions and gets no new ones", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = await origins(stack, "a", "b");
  const service = { backends: [a.url, b.url], sticky: true };
  await using stand = await startStand({ service, workers: 2 });
  const { a: session = "" } = await cookiesByOrigin(stand, 2);
  await stand.order("drain", { backend: a.url });
  assert.equal((await stand.backend(a)).state, "draining");
  const fresh = (await stand.askApart(16)).map(originOf);
  assert.deepEqual(countsOf(fresh), { b: 16 });
  for (const response of await stand.askApart(16, withCookie(session))) {
    assert.deepEqual([originOf(response), cookiesOf(response)], ["a", []]);
  }
  await stand.order("resume", { backend: a.url });
  const names = (await stand.askApart(20)).map(originOf);
  assert.ok(names.includes("a"), names.join(" "));
});

test("a backend of weight 0 keeps the sessions it has", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = await origins(stack, "a", "b");
  await using stand = await startStand({ service: { backends: [a.url, b.url], sticky: true } });
  const { a: session = "" } = await cookiesByOrigin(stand, 2);
  await stand.reload({ backends: [{ url: a.url, weight: 0 }, b.url], sticky: true });
  assert.deepEqual(countsOf((await stand.askApart(6)).map(originOf)), { b: 6 });
  for (const response of await stand.askApart(6, withCookie(session))) {
    assert.deepEqual([originOf(response), cookiesOf(response)], ["a", []]);
  }
});

test("sessions survive a start of the program, by its state folder", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b, c] = await origins(stack, "a", "b", "c");
  const service = { backends: [a.url, b.url, c.url], sticky: true };
  await using first = await startStand({ service });
  const cookies = await cookiesByOrigin(first, 3);
  assert.equal((await first.program.stop()).code, 0);
  // In another order, and with workers: neither is part of it.
  const turned = { backends: [c.url, a.url, b.url], sticky: true };
  const { stateFolder } = first;
  await using second = await startStand({ service: turned, stateFolder, workers: 2 });
  for (const [name, value] of Object.entries(cookies)) {
    for (const response of await second.askApart(4, withCookie(value))) {
      assert.deepEqual([originOf(response), cookiesOf(response)], [name, []]);
    }
  }
});

/** Makes the origin an application with sessions of its own: one for whoever has none. */
function withSessions(origin: LiveOrigin): LiveOrigin {
  origin.answer = ({ headers }: Seen) => {
    if (/JSESSIONID=/.test(headers["cookie"] ?? "")) return {};
    return { headers: { "Set-Cookie": `JSESSIONID=${randomUUID()}; Path=/; HttpOnly` } };
  };
  return origin;
}

test("an application's own sessions stay where they began, in all workers", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const all = (await origins(stack, "a", "b", "c", "d")).map(withSessions);
  const backends = all.map(({ url }) => url);
  const sticky = { session: "cookie:JSESSIONID" };
  await using stand = await startStand({ service: { backends, sticky }, workers: 2 });
  const sessions = await Promise.all(
    Array.from({ length: 12 }, async () => {
      const response = await stand.ask();
      return { home: originOf(response), id: cookieOf(response).value };
    }),
  );
  assert.ok(new Set(sessions.map(({ home }) => home)).size > 1, "dealt to several");
  for (const { home, id } of sessions) {
    const responses = await stand.askApart(8, withCookie(id, "JSESSIONID"));
    assert.deepEqual(countsOf(responses.map(originOf)), { [home]: 8 });
    assert.deepEqual(responses.flatMap(cookiesOf), [], "no cookie of ours");
  }
});

test(
  "sessions nobody knows are placed alike by all workers, by cookie and by field",
  bounded,
  async () => {
    await using stack = new AsyncDisposableStack();
    const all = await origins(stack, "a", "b", "c", "d");
    const backends = all.map(({ url }) => url);
    await using stand = await startStand({
      service: { backends, sticky: { session: "cookie:JSESSIONID" } },
      services: { fields: { backends, sticky: { session: "header:X-Session" } } },
      routes: { "fields.test": { service: "fields" } },
      workers: 2,
    });
    const homes = new Set<string>();
    // With twenty, one run in eighty had a backend that none of them belongs to.
    for (let n = 0; n < 40; n += 1) {
      const id = `known-elsewhere-${n}`;
      for (const options of [
        withCookie(id, "JSESSIONID"),
        { name: "fields.test", headers: { "X-Session": id } },
      ]) {
        const names = new Set((await stand.askApart(4, options)).map(originOf));
        assert.equal(names.size, 1, `${id}: ${[...names].join(" ")}`);
        for (const name of names) homes.add(name);
      }
    }
    assert.equal(homes.size, 4);
  },
);

test(
  "a session of a backend that is gone goes on elsewhere, and stays there",
  bounded,
  async () => {
    await using stack = new AsyncDisposableStack();
    const [a, b, c] = await origins(stack, "a", "b", "c");
    const all = [a, b, c].map(withSessions);
    const backends = all.map(({ url }) => url);
    const sticky = { session: "cookie:JSESSIONID" };
    await using stand = await startStand({ service: { backends, sticky } });
    const first = await stand.ask();
    const home = all.find(({ name }) => name === originOf(first));
    assert.ok(home !== undefined);
    await home.kill();
    const session = withCookie(cookieOf(first).value, "JSESSIONID");
    const responses = await stand.askApart(8, session);
    assert.ok(responses.every(({ status }) => status === 200));
    const names = new Set(responses.map(originOf));
    assert.equal(names.size, 1, [...names].join(" "));
    assert.ok(!names.has(home.name));
  },
);
