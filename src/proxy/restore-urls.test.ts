import assert from "node:assert/strict";
import { test } from "node:test";
import type { RestoredUrls } from "../config/snapshot.ts";
import { Fields } from "../http/fields.ts";
import {
  restoredCookie,
  restoredRefresh,
  restoredUrl,
  restoreUrls,
  type Hosts,
} from "./restore-urls.ts";

const hosts: Hosts = { asked: "shop.example", told: ["10.0.0.5:8080", "inner.example"] };
const none = { hosts: [], cookieDomains: [] };
const stripped: RestoredUrls = { from: "", to: "/app", ...none };
const swapped: RestoredUrls = { from: "/media", to: "/seafmedia", ...none };
const added: RestoredUrls = { from: "/app", to: "", ...none };

function assertUrls(restored: RestoredUrls, cases: readonly (readonly [string, string])[]): void {
  for (const [text, expected] of cases) {
    assert.equal(restoredUrl(text, restored, hosts), expected, text);
  }
}

test("paths and URLs of the application get the prefix that was taken off", () => {
  assertUrls(stripped, [
    ["/login?next=/x#top", "/app/login?next=/x#top"],
    ["/", "/app/"],
    ["/?a", "/app/?a"],
    ["/apple", "/app/apple"],
    ["http://shop.example/login", "http://shop.example/app/login"],
    ["https://SHOP.example:443/login", "https://SHOP.example:443/app/login"],
    ["//shop.example/login", "//shop.example/app/login"],
    ["http://10.0.0.5:8080/login", "/app/login"],
    ["http://inner.example", "/app/"],
    ["http://inner.example?x", "/app/?x"],
    ["http://inner.example:80/a", "/app/a"],
  ]);
});

test("what belongs to somebody else, or is relative, is left as it is", () => {
  const left = [
    "",
    "login",
    "?a=1",
    "#x",
    "../x",
    "http://other.example/login",
    "//other.example/login",
    "http://shop.example:8080/login",
    "http://user@shop.example/login",
    "http://shop.example.evil/x",
    "https://inner.example:80/a",
    "mailto:a@b.example",
    "/\\evil.example/x",
    "ftp://shop.example/x",
  ];
  assertUrls(
    stripped,
    left.map((each) => [each, each] as const),
  );
});

test("an application that knows its mount is not given it twice, in any spelling", () => {
  const right = [
    "/app",
    "/app/",
    "/app?x",
    "/app/login",
    "/%61pp/login",
    "/a%70%70",
    "http://shop.example/app/x",
  ];
  assertUrls(
    stripped,
    right.map((each) => [each, each] as const),
  );
  for (const each of ["/login", "/app/x", "http://inner.example/y", "/"]) {
    const once = restoredUrl(each, stripped, hosts);
    assert.equal(restoredUrl(once, stripped, hosts), once);
  }
});

test("prefixes are swapped and taken away on segment boundaries", () => {
  assertUrls(swapped, [
    ["/media/a.png", "/seafmedia/a.png"],
    ["/media", "/seafmedia"],
    ["/m%65dia?x", "/seafmedia?x"],
    ["/mediax", "/mediax"],
    ["/media%2Fx", "/media%2Fx"],
    ["/other", "/other"],
    ["/seafmedia/a", "/seafmedia/a"],
  ]);
  assertUrls(added, [
    ["/app/x", "/x"],
    ["/app", "/"],
    ["/app?x", "/?x"],
    ["/x", "/x"],
  ]);
});

test("taking a prefix away makes no URL of another host", () => {
  assertUrls(added, [
    ["/app//evil.example/x", "/evil.example/x"],
    ["/app/\\evil.example", "/evil.example"],
    ["/app/\\//\\evil.example", "/evil.example"],
    ["http://inner.example/app//evil.example", "/evil.example"],
    ["http://inner.example//evil.example", "/evil.example"],
  ]);
});

test("Refresh is understood as browsers understand it", () => {
  const change = (url: string) => restoredUrl(url, stripped, hosts);
  const cases = [
    ["5", "5"],
    ["0;url=/x", "0;url=/app/x"],
    ["0; URL = '/x'; more", "0; URL = '/app/x'; more"],
    ['3,"/x"', '3,"/app/x"'],
    ["0; /x", "0; /app/x"],
    ["0; url='/x", "0; url='/app/x"],
    ["0; url=http://other.example/", "0; url=http://other.example/"],
    ["no number", "no number"],
  ] as const;
  for (const [text, expected] of cases) assert.equal(restoredRefresh(text, change), expected);
});

test("cookies follow the mount, and lose a domain that is the backend's own", () => {
  const restored = { ...stripped, cookieDomains: ["old.example"] };
  const cases = [
    ["a=b", "a=b"],
    ["a=b; Path=/; HttpOnly", "a=b; Path=/app; HttpOnly"],
    ["a=b;path=/x", "a=b; Path=/app/x"],
    ["a=b; Path=/app", "a=b; Path=/app"],
    ["a=b; Path=/app/; Secure", "a=b; Path=/app/; Secure"],
    ["a=b; Path=; Secure", "a=b; Path=; Secure"],
    ["a=/path=/; Domain=.old.example; Secure", "a=/path=/; Secure"],
    ["a=b; Domain=inner.example", "a=b"],
    ["a=b; Domain=shop.example", "a=b; Domain=shop.example"],
    ["a=b; Domain=other.example", "a=b; Domain=other.example"],
    ["__Host-a=b; Path=/; Secure", "__Host-a=b; Path=/; Secure"],
  ] as const;
  for (const [text, expected] of cases) {
    assert.equal(restoredCookie(text, restored, hosts), expected, text);
  }
  assert.equal(restoredCookie("a=b; Path=/app", added, hosts), "a=b; Path=/");
  assert.equal(restoredCookie("a=b; Path=/media/", swapped, hosts), "a=b; Path=/seafmedia/");
});

test("fields keep their order, and what is not to be changed stays the line that came", () => {
  const text =
    "Set-Cookie: a=1; Path=/\r\nX-Other: 1\r\nSet-Cookie: b=2\r\nLocation: /x\r\nRefresh: 1; url=/y\r\nContent-Location: /z\r\n";
  const fields = new Fields();
  assert.equal(fields.read(text, 0, text.length, 20), undefined);
  restoreUrls(fields, stripped, hosts);
  assert.equal(
    fields.serialise(),
    "X-Other: 1\r\nLocation: /app/x\r\nContent-Location: /app/z\r\nRefresh: 1; url=/app/y\r\nSet-Cookie: a=1; Path=/app\r\nSet-Cookie: b=2\r\n",
  );
  const same = "location: /app/x\r\nSet-Cookie: a=1\r\n";
  fields.read(same, 0, same.length, 20);
  restoreUrls(fields, stripped, hosts);
  assert.equal(fields.serialise(), same);
});

test("fields of 60 kB are read in a moment, whatever they hold", () => {
  const length = 60_000;
  const hostile = [
    `0; url='${"'".repeat(length)}`,
    `0;${" ".repeat(length)}`,
    `${" ".repeat(length)}x`,
    `${"1".repeat(length)}x`,
    `/app${"/".repeat(length)}`,
    `/app${"\\".repeat(length)}x`,
    `a=b;${"Path=/x;".repeat(length / 8)}`,
    `a=b${"; Domain=.inner.example".repeat(2000)}`,
    `http://${"a".repeat(length)}`,
    "%61".repeat(length / 3),
  ];
  const started = performance.now();
  for (const each of hostile) {
    for (const restored of [stripped, swapped, added]) {
      restoredUrl(each, restored, hosts);
      restoredRefresh(each, (url) => restoredUrl(url, restored, hosts));
      restoredCookie(each, restored, hosts);
    }
  }
  assert.ok(performance.now() - started < 1000);
});
