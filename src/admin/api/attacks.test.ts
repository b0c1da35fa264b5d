// What strangers, thieves and clients that hang try at the API, over real connections.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import {
  type AdminStand,
  adminStand,
  basic,
  bearer,
  password,
} from "../../../test/harness/admin-stand.ts";
import { ApiClient, operationsOf } from "../../../test/harness/api-client.ts";
import { complaints } from "../../../test/harness/schema-check.ts";
import { within } from "../../../test/harness/barrier.ts";
import { adminServer } from "../../config/admin-limits.ts";

const bounded = { timeout: 60_000 };
const json = { "Content-Type": "application/json" };

/** What comes back for bytes as they are, until the server ends it. */
async function raw({ port }: AdminStand, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.end(text);
  let got = "";
  for await (const chunk of socket) got += String(chunk);
  return got;
}

test("what cannot even be made a request of is refused like everything else", bounded, async () => {
  await using stand = await adminStand();
  for (const [line, host] of [
    ["GET /v1/status", "a b"],
    ["GET *", "127.0.0.1"],
    ["OPTIONS *", "127.0.0.1"],
    ["GET /v1/status", "[0::1]:1"],
  ] as const) {
    const got = await raw(stand, `${line} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    assert.match(got, /^HTTP\/1\.1 400 /, line);
    assert.match(got, /application\/problem\+json/, line);
    assert.match(got, /"detail":"the path or the Host makes no sense"/, line);
  }
});

test("paths by other spellings need the same login", bounded, async () => {
  await using stand = await adminStand();
  const spellings = ["/v1/st%61tus", "/v1/%2e%2e/v1/status", "/x/../v1/status", "/v1/status/"];
  spellings.push("//v1/status", "/v1//status", "/V1/status", "/v1/status;x", "/v1/status%2f");
  for (const path of spellings) {
    for (const method of ["GET", "HEAD"]) {
      const head = `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n`;
      const got = await raw(stand, `${head}X-Forwarded-For: 127.0.0.1\r\n\r\n`);
      assert.match(got, /^HTTP\/1\.1 40[14] /, `${method} ${path}`);
    }
  }
});

test("a client that leaves in the middle of a body is no fault of ours", bounded, async () => {
  await using stand = await adminStand();
  const socket = connect(stand.port, "127.0.0.1");
  const head = "POST /v1/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n";
  socket.write(`${head}Content-Length: 100\r\n\r\n{`);
  await once(socket, "connect");
  const closed = once(socket, "close");
  setTimeout(() => socket.destroy(), 100);
  await closed;
  // Whoever comes next is answered after that was dealt with.
  assert.equal((await fetch(`${stand.base}/docs/api`)).status, 200);
  assert.deepEqual(stand.said, []);
});

test(
  "who follows the log is cut off when the token is revoked, or the user is gone",
  bounded,
  async () => {
    await using stand = await adminStand();
    const { accounts } = stand;
    const actor = { by: "test", from: "" };
    const wish = { user: "edit", name: "x", role: "read", days: 1 } as const;
    const { secret, token } = accounts.addToken(wish, actor);
    const follow = async (headers: Record<string, string>) => {
      const answer = await fetch(`${stand.base}/v1/log?follow=true&lines=0`, { headers });
      assert.equal(answer.status, 200);
      return answer.text().catch(() => "cut");
    };
    const followers = [follow(bearer(secret)), follow(basic("read", password))];
    let isAnyCut = false;
    void Promise.any(followers).then(() => (isAnyCut = true));
    await new Promise((resolve) => setTimeout(resolve, 2 * adminServer.recheck));
    assert.equal(isAnyCut, false, "those who may are not cut off");
    accounts.revokeToken(token.id, undefined, actor);
    accounts.removeUser("read", actor);
    assert.deepEqual(await within(Promise.all(followers), 10_000, "the cut"), ["cut", "cut"]);
  },
);

test("HEAD of the log follows nothing", bounded, async () => {
  await using stand = await adminStand();
  const headers = bearer(stand.tokens.read);
  const { log } = stand.operations;
  let followers = 0;
  log.follow = () => {
    followers += 1;
    return () => {};
  };
  const found = await fetch(`${stand.base}/v1/log?follow=true`, { method: "HEAD", headers });
  assert.equal(found.status, 200);
  assert.equal(followers, 0);
});

test("what a stolen token makes does not outlive it", bounded, async () => {
  await using stand = await adminStand();
  const headers = { ...bearer(stand.tokens.admin), ...json };
  const asked = async (method: string, path: string, body: unknown) =>
    (await fetch(`${stand.base}${path}`, { method, headers, body: JSON.stringify(body) })).status;
  assert.equal(await asked("POST", "/v1/users", { name: "eve", role: "admin" }), 403);
  assert.equal(await asked("PUT", "/v1/users/admin/password", {}), 403);
  assert.equal(await asked("POST", "/v1/tokens", { name: "x", role: "read" }), 403);
  assert.equal(stand.accounts.users().length, 3);
});

test("the history goes on after a page, however short it came out", bounded, async () => {
  await using stand = await adminStand();
  const { configuration } = stand.operations;
  configuration.revisions = Array.from({ length: 250 }, (_, at) => {
    return { number: 250 - at, at: "2026-11-21T12:00:00Z", by: "x", note: undefined, changes: [] };
  });
  for (const pageOfHistory of [100, 7]) {
    configuration.pageOfHistory = pageOfHistory;
    const seen: number[] = [];
    for (let next: string | null = ""; next !== null;) {
      const query: string = next === "" ? "" : `?before=${next}`;
      const headers = bearer(stand.tokens.read);
      const answer = await fetch(`${stand.base}/v1/history${query}`, { headers });
      const page = (await answer.json()) as {
        revisions: { number: number }[];
        next: string | null;
      };
      seen.push(...page.revisions.map(({ number }) => number));
      ({ next } = page);
    }
    assert.equal(seen.length, 250);
    assert.equal(new Set(seen).size, 250);
  }
});

test("one address does not take all connections", bounded, async () => {
  await using stand = await adminStand();
  const open: Socket[] = [];
  try {
    for (let at = 0; at < adminServer.connectionsPerAddress; at += 1) {
      const socket = connect(stand.port, "127.0.0.1");
      socket.on("error", () => {});
      open.push(socket);
      await once(socket, "connect");
    }
    const more = connect(stand.port, "127.0.0.1");
    more.on("error", () => {});
    open.push(more);
    await within(once(more, "close"), 5000, "the end of one too many");
    const other = connect({ port: stand.port, host: "127.0.0.1", localAddress: "127.0.0.2" });
    open.push(other);
    other.end("GET /docs/api HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    let got = "";
    for await (const chunk of other) got += String(chunk);
    assert.match(got, /^HTTP\/1\.1 200 /);
  } finally {
    for (const each of open) each.destroy();
  }
});

test(
  "whatever is wrong with a request, the answer is one that the document names",
  bounded,
  async () => {
    await using stand = await adminStand();
    const client = await ApiClient.of(stand.base);
    const admin = bearer(stand.tokens.admin);
    const wrongs: readonly (readonly [Record<string, string>, string, string | undefined])[] = [
      [admin, "", "{}"],
      [admin, "", "["],
      [admin, "", "5"],
      [admin, "?nothing=1", "{}"],
      [admin, "?limit=1&limit=1", "{}"],
      [{ ...admin, "Content-Type": "text/plain" }, "", "{}"],
      [{ ...admin, "If-Match": "rubbish" }, "", '{"whoami":true}'],
      [{ ...admin, Origin: "https://evil.test" }, "", "{}"],
      [{ Authorization: "Bearer tg_x" }, "", "{}"],
      [{}, "", "{}"],
    ];
    const names = ["x", "%00", "a%2Fb", "%F0%9F%92%A9", "..%2f", "__proto__", "constructor"];
    let asked = 0;
    for (const { method, path, operation } of operationsOf(client.document)) {
      const [type = "application/json"] = Object.keys(operation.requestBody?.content ?? {});
      for (const [headers, query, sent] of wrongs) {
        const place = path.replaceAll(/\{\w+\}/g, names[asked++ % names.length] ?? "");
        const url = `${stand.base}${place}${query}`;
        const response = await fetch(url, {
          method: method.toUpperCase(),
          headers: { "Content-Type": type, ...headers },
          ...(method === "get" || sent === undefined ? {} : { body: sent }),
        });
        const what = `${method} ${place}${query}: ${response.status}`;
        const given = response.headers.get("content-type")?.split(";")[0] ?? "";
        if (given === "text/event-stream") {
          // It was understood, and has no end.
          await response.body?.cancel();
          continue;
        }
        const text = await response.text();
        assert.ok(response.status !== 500, `${what}: ${text}`);
        const said = operation.responses[String(response.status)];
        assert.ok(said !== undefined, `${what}: the document does not know it: ${text}`);
        if (response.status >= 400) assert.equal(given, "application/problem+json", what);
        const schema = said.content?.[given]?.schema ?? {};
        if (/[/+]json$/.test(given)) {
          assert.deepEqual(complaints(JSON.parse(text), schema, client.document), [], what);
        }
      }
    }
    assert.ok(asked > 400);
  },
);
