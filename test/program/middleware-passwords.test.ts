// Who has a name and a password, or a key: asked by curl, as people do, and by a client that says what none would.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { rename, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { ask, field } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { runCommand } from "../harness/command.ts";
import { needs } from "../harness/needs.ts";
import { httpOrigin } from "../harness/origin.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 60_000 };
const curled = { ...bounded, skip: needs("curl", "htpasswd", "htdigest") };

/** Says what it got: fields as they came, the target first. */
function echo() {
  return httpOrigin((request: IncomingMessage, response) => {
    const lines = [`${request.method} ${request.url}`];
    for (let at = 0; at < request.rawHeaders.length; at += 2) {
      lines.push(`${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}`);
    }
    response.end(lines.join("\n"), "latin1");
  });
}

async function hashed(kind: string, user: string, password: string): Promise<string> {
  const { stdout } = await runCommand("htpasswd", ["-n", "-i", kind, user], { input: password });
  // What programs say is read as a character for each byte.
  return Buffer.from(stdout.trim(), "latin1").toString();
}

const basic = (pair: string) => ({ Authorization: `Basic ${btoa(pair)}` });

async function curl(port: number, args: readonly string[]) {
  const url = `http://app.test:${port}`;
  const common = ["-s", "-i", "--resolve", `app.test:${port}:127.0.0.1`];
  const { stdout } = await runCommand("curl", [...common, ...args, url]);
  return stdout;
}

test(
  "a password lets in, with every hash that htpasswd makes, and the user is told",
  curled,
  async () => {
    await using origin = await echo();
    const users = [
      await hashed("-B", "ann", "s3cret:with colon"),
      await hashed("-m", "bob", "s3cret"),
      await hashed("-s", "çeline", "s3cret"),
    ];
    await using tidegate = await startTidegate({
      config: {
        listeners: { web: "127.0.0.1:0" },
        routes: {
          "app.test": {
            service: origin.url,
            middlewares: {
              basicAuth: {
                users,
                realm: "the back room",
                header: "X-Forwarded-User",
                removeHeader: true,
              },
            },
          },
        },
      },
    });
    const port = tidegate.port();
    const none = await curl(port, []);
    assert.match(none, /^HTTP\/1\.1 401 .*\r\n/);
    assert.match(none, /WWW-Authenticate: Basic realm="the back room", charset="UTF-8"/);
    assert.match(none, /Cache-Control: no-store/);
    for (const pair of ["ann:s3cret:with colon", "bob:s3cret", "çeline:s3cret"]) {
      const shown = await curl(port, [
        "-u",
        pair,
        "-H",
        "x-forwarded-user: root",
        "-H",
        "X_Forwarded-User: root",
      ]);
      assert.match(shown, /^HTTP\/1\.1 200/, pair);
      const told = [...shown.matchAll(/^x[-_]forwarded[-_]user: (.*)$/gim)].map(([, each]) => each);
      assert.deepEqual(told, [Buffer.from(pair.split(":")[0] ?? "").latin1Slice()], pair);
      assert.doesNotMatch(shown, /authorization/i, "the password stays here");
    }
    for (const pair of [
      "ann:s3cret",
      "bob:",
      "bob:s3cret ",
      "nobody:s3cret",
      ":s3cret",
      "ANN:s3cret:with colon",
    ]) {
      assert.match(await curl(port, ["-u", pair]), /^HTTP\/1\.1 401/, pair);
    }
    await tidegate.waitForLog(/"remoteUser":"ann".*"status":200/);
    await tidegate.waitForLog(/"status":401,"failure":"UNAUTHENTICATED"/);
  },
);

test("what no client would say lets nobody in, and harms nobody", bounded, async () => {
  await using origin = await echo();
  const sha = (password: string) => createHash("sha1").update(password).digest("base64");
  await using tidegate = await startTidegate({
    config: {
      listeners: { web: "127.0.0.1:0" },
      routes: {
        "app.test": {
          service: origin.url,
          middlewares: { basicAuth: { users: [`ann:{SHA}${sha("pw")}`], header: "X-User" } },
        },
      },
    },
  });
  const port = tidegate.port();
  const good = btoa("ann:pw");
  const hostile = [
    "Authorization: Basic",
    "Authorization: Basic ====",
    `Authorization: Bearer ${good}`,
    `Authorization: Basic ${good}, Basic ${good}`,
    `Authorization: Basic ${good}\r\nAuthorization: Basic ${good}`,
    `Authorization: Basic ${btoa("ann\0:pw")}`,
    `Authorization: Basic ${btoa("ann:pw\0")}`,
    `Authorization: Basic ${btoa("ann:pw\r\nX-User: root")}`,
    `Authorization: Basic ${btoa(`ann:${"p".repeat(12_000)}`)}`,
    `Authorization: Basic ${btoa("ann")}`,
    `Proxy-Authorization: Basic ${good}`,
    `X-User: ann`,
  ];
  for (const lines of hostile) {
    await using client = await connect(port);
    await client.send(`GET / HTTP/1.1\r\nHost: app.test\r\n${lines}\r\n\r\n`);
    assert.equal((await client.readResponse()).status, 401, lines.slice(0, 80));
  }
  for (const lines of [`aUTHORIZATION: bASIC   ${good}`, `Authorization: Basic ${good}  `]) {
    await using client = await connect(port);
    await client.send(`GET / HTTP/1.1\r\nHost: app.test\r\nConnection: X-User\r\n${lines}\r\n\r\n`);
    const response = await client.readResponse();
    assert.equal(response.status, 200, lines);
    assert.match(response.body, /^X-User: ann$/m, "Connection takes nothing of ours away");
  }
});

test("a flood of wrong passwords does not keep out who is known", bounded, async () => {
  await using origin = await echo();
  const { hash } = await import("bcryptjs");
  await using tidegate = await startTidegate({
    config: {
      listeners: { web: "127.0.0.1:0" },
      routes: {
        "app.test": {
          service: origin.url,
          middlewares: { basicAuth: { users: [`ann:${await hash("pw", 10)}`] } },
        },
      },
    },
  });
  const port = tidegate.port();
  const statusOf = async (pair: string, from?: string) => {
    const options = from === undefined ? {} : { from };
    return (await ask(port, { headers: basic(pair), timeoutMs: 20_000, ...options })).status;
  };
  assert.equal(await statusOf("ann:pw"), 200);
  const flood = Array.from({ length: 60 }, (_, at) => statusOf(`ann:${at}`));
  const known = await Promise.all(
    Array.from({ length: 20 }, () => statusOf("ann:pw", "127.0.0.2")),
  );
  assert.deepEqual(new Set(known), new Set([200]), "found out before");
  assert.equal(await statusOf("eve:x", "127.0.0.3"), 401, "another address has its own turn");
  const statuses = await Promise.all(flood);
  assert.deepEqual(new Set(statuses), new Set([401, 503]));
  assert.ok(statuses.filter((each) => each === 503).length > 20, String(statuses));
});

test("a file is read again when it changes, and a broken one changes nothing", curled, async () => {
  await using origin = await echo();
  await using folder = await tempFolder();
  const file = folder.file("users");
  const replace = async (text: string) => {
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  };
  await replace(`${await hashed("-m", "ann", "one")}\n`);
  await using tidegate = await startTidegate({
    config: {
      listeners: { web: "127.0.0.1:0" },
      routes: { "app.test": { service: origin.url, middlewares: { basicAuth: { file } } } },
    },
    workers: 2,
  });
  const statusOf = async (pair: string) =>
    (await ask(tidegate.port(), { headers: basic(pair) })).status;
  assert.equal(await statusOf("ann:one"), 200);
  await replace(`${await hashed("-m", "ann", "two")}\n`);
  await eventually("the new password", async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => statusOf("ann:two")));
    return all.every((each) => each === 200) ? true : undefined;
  });
  assert.equal(await statusOf("ann:one"), 401);
  await replace("ann:swordfish\n");
  await tidegate.waitForLog(/line 1 has no hash/);
  assert.equal(await statusOf("ann:two"), 200);
  assert.ok(!tidegate.stderr().includes("swordfish"));
});

test("curl's digest lets in, and nothing that was heard can be said again", curled, async () => {
  await using origin = await echo();
  await using folder = await tempFolder();
  const of = (kind: string, user: string, password: string) =>
    `${user}:back:${createHash(kind).update(`${user}:back:${password}`).digest("hex")}`;
  const file = folder.file("digest");
  await writeFile(file, `${of("md5", "old", "pw")}\n`);
  await using tidegate = await startTidegate({
    config: {
      listeners: { web: "127.0.0.1:0" },
      routes: {
        "app.test": {
          service: origin.url,
          middlewares: {
            digestAuth: {
              users: [of("sha256", "new", "pw")],
              file,
              realm: "back",
              header: "X-User",
            },
          },
        },
      },
    },
    workers: 2,
  });
  const port = tidegate.port();
  const curlDigest = (pair: string) => curl(port, ["--digest", "-u", pair, "-H", "X_User: root"]);
  for (const user of ["new"]) {
    const shown = await curlDigest(`${user}:pw`);
    assert.match(shown, /^HTTP\/1\.1 401/, "asked first");
    assert.match(shown, /^HTTP\/1\.1 200/m);
    assert.match(shown, new RegExp(`^X-User: ${user}$`, "m"));
    assert.doesNotMatch(shown, /X_User/);
    assert.doesNotMatch(await curlDigest(`${user}:wrong`), /^HTTP\/1\.1 200/m);
  }
  const challenge = await ask(port);
  assert.match(field(challenge, "www-authenticate"), /^Digest .*SHA-256.*Digest .*MD5/);
  const nonce = /algorithm=MD5, nonce="([^"]+)"/.exec(field(challenge, "www-authenticate"))?.[1];
  assert.ok(nonce !== undefined);
  const signed = (user: string, nc: string, uri = "/", method = "GET") => {
    const md5 = (text: string) => createHash("md5").update(text).digest("hex");
    const response = md5(
      `${md5(`${user}:back:pw`)}:${nonce}:${nc}:c:auth:${md5(`${method}:${uri}`)}`,
    );
    return {
      Authorization: `Digest username="${user}", realm="back", nonce="${nonce}", uri="${uri}", qop=auth, nc=${nc}, cnonce="c", algorithm=MD5, response="${response}"`,
    };
  };
  const told = async (headers: Record<string, string>, path = "/") => ask(port, { headers, path });
  assert.equal((await told(signed("old", "00000001"))).status, 200);
  for (let time = 0; time < 6; time++) {
    const again = await told(signed("old", "00000001"));
    assert.equal(again.status, 401, "whichever worker hears it");
    assert.match(field(again, "www-authenticate"), /stale=true/);
  }
  assert.equal((await told(signed("old", "00000005"))).status, 200);
  assert.equal((await told(signed("old", "00000003"))).status, 200, "overtaken on the way");
  assert.equal((await told(signed("old", "00000003"))).status, 401);
  assert.equal((await told(signed("old", "00000006"), "/other")).status, 401, "of another request");
  assert.equal((await told(signed("new", "00000007"))).status, 401, "no weaker hash than there is");
});

test(
  "a key lets in from where it may stand, and the backend does not see it",
  bounded,
  async () => {
    await using origin = await echo();
    const keyHash = (key: string) => createHash("sha256").update(key).digest("hex");
    await using tidegate = await startTidegate({
      config: {
        listeners: { web: "127.0.0.1:0" },
        routes: {
          "app.test": {
            service: origin.url,
            middlewares: {
              apiKey: {
                keys: [`ci:${keyHash("k-1")}`, `ops:sha256:${keyHash("k-2")}`],
                from: ["bearer", "header:X-Api-Key", "query:key", "cookie:key"],
                header: "X-Program",
              },
            },
          },
        },
      },
    });
    const port = tidegate.port();
    const ways: readonly (readonly [string, Record<string, string>, RegExp])[] = [
      ["/", { Authorization: "Bearer k-1" }, /^X-Program: ci$/m],
      ["/", { "x-api-key": "k-2" }, /^X-Program: ops$/m],
      ["/?a=1&key=k-1&b=2", {}, /^GET \/\?a=1&b=2\n[^]*^X-Program: ci$/m],
      ["/?%6bey=k%2D1", {}, /^GET \/\n/],
      ["/", { Cookie: "a=1; key=k-1; b=2" }, /^Cookie: a=1; b=2$/m],
    ];
    for (const [path, headers, wanted] of ways) {
      const answer = await ask(port, { path, headers: { ...headers, "X-PROGRAM": "root" } });
      assert.equal(answer.status, 200, path);
      assert.match(answer.body, wanted);
      assert.doesNotMatch(answer.body, /k-1|k-2|root/i);
    }
    const refused: readonly (readonly [string, Record<string, string>])[] = [
      ["/", {}],
      ["/?key=k-1&key=k-2", {}],
      ["/?key=k-1&%6bey=k-3", {}],
      ["/", { "X-Api-Key": "k-3" }],
      ["/", { "X-Api-Key": keyHash("k-1") }],
      ["/?key=k-1", { "X-Api-Key": "wrong" }],
      ["/", { "X-Program": "ci" }],
    ];
    for (const [path, headers] of refused) {
      assert.equal((await ask(port, { path, headers })).status, 401, path);
    }
  },
);
