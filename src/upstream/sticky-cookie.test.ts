import assert from "node:assert/strict";
import { test } from "node:test";
import { type CookieSettings, type Stickable, StickyCookie } from "./sticky-cookie.ts";

const usual: CookieSettings = {
  kind: "cookie",
  name: "tidegate",
  path: "/",
  domain: undefined,
  maxAge: undefined,
  sameSite: "lax",
  httpOnly: true,
  secure: "auto",
  legacy: undefined,
};
const secret = "00112233445566778899aabbccddeeff";

function backend(host: string, port = 80, base = ""): Stickable {
  const authority = host.includes(":") ? `[${host}]` : host;
  return { url: `http://${authority}:${port}${base}`, address: { kind: "tcp", host, port } };
}

const one = backend("10.0.0.1");
const two = backend("10.0.0.2", 8080);
const socket: Stickable = {
  url: "unix:/run/app.sock",
  address: { kind: "unix", path: "/run/app.sock" },
};
const part: Stickable = { url: "stable" };
const all = [one, two, socket, part];

function made(
  settings: Partial<CookieSettings> = {},
  backends = all,
  service = "shop",
  key = secret,
) {
  const cookie = new StickyCookie<Stickable>({ ...usual, ...settings }, service, () => key);
  cookie.update(backends);
  return cookie;
}

/** The cookie a browser sends back for a line. */
function sentBack(line: string): string {
  const [, pair = ""] = /^Set-Cookie: ([^;]+);.*\r\n$/.exec(line) ?? [];
  assert.notEqual(pair, "", `${JSON.stringify(line)} is no Set-Cookie line`);
  return pair;
}

test("each backend is found again by the cookie it sets, in every process and among other cookies", () => {
  const sender = made();
  const reader = made();
  for (const each of all) {
    const pair = sentBack(sender.lineFor(each, false));
    assert.match(pair, /^tidegate=[\w-]{16}$/);
    assert.equal(reader.find(pair), each);
    assert.equal(reader.find(`a=b; ${pair}; c=d`), each);
  }
});

test("a value says nothing: it differs by service and by secret, and no other is accepted", () => {
  const values = new Set<string>();
  const others = [made(), made({}, all, "shop2"), made({}, all, "shop", "ff".repeat(32))];
  for (const cookie of others) {
    for (const each of all) values.add(sentBack(cookie.lineFor(each, false)));
  }
  assert.equal(values.size, 12);
  const cookie = made();
  const pair = sentBack(made({}, all, "shop2").lineFor(one, false));
  for (const foreign of [
    pair,
    "tidegate=",
    "tidegate=10.0.0.1:80",
    "tidegate=http://10.0.0.1:80",
    "tidegate=constructor",
    `${sentBack(cookie.lineFor(one, false))}x`,
    "",
    undefined,
  ]) {
    assert.equal(cookie.find(foreign), undefined, foreign);
  }
});

test("a backend that is gone is found no more, one that stays keeps its cookie", () => {
  const cookie = made();
  const [first, second] = [one, two].map((each) => sentBack(cookie.lineFor(each, false)));
  const again = backend("10.0.0.2", 8080);
  cookie.update([again]);
  assert.equal(cookie.find(first), undefined);
  assert.equal(cookie.find(second), again);
  assert.equal(cookie.lineFor(one, false), "", "nobody is sent where nothing is");
  assert.equal(sentBack(cookie.lineFor(two, false)), second);
});

test("the line says what the settings say", () => {
  const value = "tidegate=X";
  const line = (settings: Partial<CookieSettings>, isSecure: boolean) =>
    made(settings)
      .lineFor(one, isSecure)
      .replace(/=[\w-]{16};/, "=X;");
  const plain = `Set-Cookie: ${value}; Path=/; HttpOnly; SameSite=Lax`;
  assert.equal(line({}, false), `${plain}\r\n`);
  assert.equal(line({}, true), `${plain}; Secure\r\n`);
  assert.equal(line({ secure: "never" }, true), `${plain}\r\n`);
  assert.equal(line({ secure: "always" }, false), `${plain}; Secure\r\n`);
  const none = `Set-Cookie: ${value}; Path=/; HttpOnly; SameSite=None; Secure\r\n`;
  assert.equal(line({ sameSite: "none" }, false), none);
  assert.equal(line({ sameSite: "none", secure: "never" }, false), none);
  assert.equal(
    line(
      { path: "/a", domain: "a.test", maxAge: 3600, httpOnly: false, sameSite: "strict" },
      false,
    ),
    `Set-Cookie: ${value}; Path=/a; Domain=a.test; Max-Age=3600; SameSite=Strict\r\n`,
  );
  assert.match(line({ maxAge: 0 }, false), /; Max-Age=0;/);
});

test("a legacy cookie names backends of this service by their own address, and nothing else", () => {
  const named = backend("App.Test".toLowerCase(), 3000);
  const literal = backend("fd00::1", 81);
  const based = backend("10.0.0.1", 80, "/base");
  const backends = [...all, named, literal, based];
  const cookie = made({ legacy: "SERVERID" }, backends);
  assert.equal(cookie.find("SERVERID=10.0.0.1:80"), one);
  assert.equal(cookie.find("SERVERID=10.0.0.2:8080"), two);
  assert.equal(cookie.find("SERVERID=App.test:3000"), named);
  assert.equal(cookie.find("SERVERID=[FD00::1]:81"), literal);
  for (const value of [
    "169.254.169.254:80",
    "10.0.0.2",
    "10.0.0.2:80",
    "/run/app.sock",
    "stable",
    "",
  ]) {
    assert.equal(cookie.find(`SERVERID=${value}`), undefined, value);
  }
  const own = sentBack(cookie.lineFor(two, false));
  assert.equal(cookie.find(`SERVERID=10.0.0.1:80; ${own}`), two, "ours goes first");
  assert.equal(cookie.find("SERVERID=10.0.0.1:80; tidegate=unknown"), one);
  assert.equal(made().find("SERVERID=10.0.0.1:80"), undefined, "nobody asked for it");
});

test("a cookie made with a secret before is believed, and is made anew with the one of now", () => {
  let secrets = secret;
  const cookie = new StickyCookie<Stickable>(usual, "shop", () => secrets);
  cookie.update(all);
  const valueOf = (line: string) => /^Set-Cookie: (tidegate=[^;]+)/.exec(line)?.[1] ?? "";
  const before = valueOf(cookie.lineFor(two, false));
  assert.equal(cookie.names(two, before), true);
  secrets = `${"ab".repeat(32)} ${secret}`;
  assert.equal(cookie.find(before), two);
  assert.equal(cookie.names(two, before), false);
  const after = valueOf(cookie.lineFor(two, false));
  assert.notEqual(after, before);
  assert.equal(cookie.find(after), two);
  assert.equal(cookie.names(two, after), true);
  // Whoever never had the secret before knows nothing of its cookies.
  secrets = "ab".repeat(32);
  assert.equal(cookie.find(before), undefined);
  assert.equal(cookie.find(after), two);
});
