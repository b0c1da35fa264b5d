// Certificates of the store in the real program: put and removed by commands and over the API, live at once in every
// worker, and their keys told to nobody.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import type { CertificateRow } from "../../src/admin/operations.ts";
import { baseOf, passwordOf } from "../harness/admin-program.ts";
import { basic, bearer } from "../harness/admin-stand.ts";
import { runCommand, tidegate } from "../harness/command.ts";
import { type Issued, issued, issuer } from "../harness/issued.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";
import { askTls } from "../harness/tls-asker.ts";

const options = { timeout: 60_000 };

const config = {
  listeners: { secure: { bind: "127.0.0.1:0", tls: true } },
  routes: { "a.test": { whoami: true }, "b.test": { whoami: true } },
  admin: { bind: "127.0.0.1:0" },
};

/** Names that several connections are shown, so that each worker is asked. */
async function shownFor(program: Tidegate, host: string): Promise<string> {
  const asked = Array.from({ length: 6 }, () => askTls(program.port("secure"), host));
  const all = (await Promise.all(asked)).map(({ names, isTrusted }) =>
    isTrusted ? names : "nobody signed it",
  );
  return [...new Set(all)].join(" or ");
}

/** Any 40 characters of it in a row: that much of a key stands nowhere else by chance. */
function mustNotTell(text: string, keys: readonly string[], where: string): void {
  for (const key of keys) {
    for (const line of key.split("\n").filter((each) => /^[\w+/=]{40,}$/.test(each))) {
      assert.ok(!text.includes(line.slice(0, 40)), `a private key is in ${where}`);
    }
  }
}

interface Told {
  readonly status: number;
  readonly body: unknown;
  readonly text: string;
}

function apiOf(program: Tidegate, keys: readonly string[]) {
  const headers = basic("admin", passwordOf(program));
  return async (
    method: string,
    path: string,
    { body, type = "application/json" }: { body?: unknown; type?: string } = {},
  ): Promise<Told> => {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const kind: Record<string, string> = body === undefined ? {} : { "Content-Type": type };
    const response = await fetch(`${baseOf(program)}${path}`, {
      ...{ method, headers: { ...headers, ...kind }, ...sent },
      signal: AbortSignal.timeout(20_000),
    });
    const text = await response.text();
    mustNotTell(text, keys, `the answer to ${method} ${path}: ${text.slice(0, 300)}`);
    const isJson = response.headers.get("content-type")?.includes("json") === true;
    return { status: response.status, body: isJson ? JSON.parse(text) : undefined, text };
  };
}

function whole({ cert, key }: Issued) {
  return { cert: cert + issuer, key };
}

test(
  "a certificate goes live, is changed and goes, and nobody is told its key",
  options,
  async () => {
    const first = issued(["a.test"]);
    const second = issued(["a.test", "www.a.test"]);
    const keys = [first.key, second.key];
    await using program = await startTidegate({ config, workers: 2 });
    const call = apiOf(program, keys);
    assert.equal(await shownFor(program, "a.test"), "nobody signed it");

    const made = await call("PUT", "/v1/certificates/shop?note=first", { body: whole(first) });
    assert.equal(made.status, 201, made.text);
    assert.equal(await shownFor(program, "a.test"), "DNS:a.test");
    const one = await call("GET", "/v1/certificates/shop");
    assert.deepEqual((one.body as { value: unknown }).value, {
      cert: first.cert + issuer,
      key: "(not shown)",
    });
    // What was shown can be sent back, and the key stays.
    const same = await call("PUT", "/v1/certificates/shop", {
      body: (one.body as { value: unknown }).value,
    });
    assert.deepEqual((same.body as { changed: unknown }).changed, []);
    const list = (await call("GET", "/v1/certificates")).body as CertificateRow[];
    assert.deepEqual(
      list.map(({ names, item, source, state }) => ({ names, item, source, state })),
      [{ names: ["a.test"], item: "shop@store", source: "store: certificates/shop", state: "ok" }],
    );

    const type = "application/merge-patch+json";
    const patched = await call("PATCH", "/v1/certificates/shop", { body: whole(second), type });
    assert.equal(patched.status, 200, patched.text);
    assert.equal(await shownFor(program, "a.test"), "DNS:a.test, DNS:www.a.test");

    const history = await call("GET", "/v1/history");
    const { revisions } = history.body as {
      revisions: { changes: { before?: { names: unknown }; after: { names: unknown } }[] }[];
    };
    assert.deepEqual(revisions[0]?.changes[0]?.before?.names, ["a.test"]);
    assert.deepEqual(revisions[0]?.changes[0]?.after.names, ["a.test", "www.a.test"]);
    for (const path of ["/v1/diff?from=0", "/v1/dump", "/v1/export", "/v1/audit", "/v1/log"]) {
      const told = await call("GET", path);
      assert.equal(told.status, 200, `${path}: ${told.text}`);
    }
    assert.equal((await call("DELETE", "/v1/certificates/shop")).status, 200);
    assert.equal(await shownFor(program, "a.test"), "nobody signed it");
    assert.equal((await call("GET", "/v1/certificates/shop")).status, 404);

    // It is still known what it was.
    assert.equal((await call("POST", "/v1/rollback", { body: { to: 1 } })).status, 200);
    assert.equal(await shownFor(program, "a.test"), "DNS:a.test");
    await program.stop();
    mustNotTell(program.stderr(), keys, "the log");
  },
);

test(
  "what is wrong with one is told with its place, and what is there stays",
  options,
  async () => {
    const good = issued(["a.test"]);
    const other = issued(["a.test"]);
    const keys = [good.key, other.key];
    await using program = await startTidegate({ config, workers: 1 });
    const call = apiOf(program, keys);
    await call("PUT", "/v1/certificates/shop", { body: whole(good) });
    const half = good.key.slice(0, 120);
    const bad: readonly [value: unknown, pointer: string, why: RegExp][] = [
      [{ cert: good.cert, key: other.key }, "/cert", /key of line 1 does not belong to any/],
      [{ cert: good.cert, key: half }, "/key", /half-written/],
      [{ cert: good.cert, key: "" }, "/key", /must be the key as a PEM text/],
      [{ cert: good.cert + good.key, key: good.key }, "/cert", /has a private key in it/],
      [{ cert: "/etc/certs/a.pem", key: good.key }, "/cert", /it has to be PEM/],
      [{ cert: good.cert }, "/key", /key is missing/],
      [{ cert: good.cert, key: good.key, name: "a" }, "/name", /unknown key "name"/],
      [good.cert + good.key, "", /must be a mapping/],
    ];
    for (const [value, pointer, why] of bad) {
      const told = await call("PUT", "/v1/certificates/shop", { body: value });
      const { errors = [] } = told.body as { errors?: { pointer: string; message: string }[] };
      assert.equal(told.status, 422, told.text);
      assert.equal(errors[0]?.pointer, pointer, told.text);
      assert.match(errors[0]?.message ?? "", why);
    }
    const none = await call("PUT", "/v1/certificates/new", {
      body: { cert: good.cert, key: "(not shown)" },
    });
    assert.match(none.text, /stands for a key that is not shown/);
    const strange = await call("PUT", "/v1/certificates/tls:b.test", { body: whole(good) });
    assert.match(strange.text, /is for a\.test, and not for/);
    assert.equal(await shownFor(program, "a.test"), "DNS:a.test");
    mustNotTell(program.stderr(), keys, "the log");
  },
);

test("the commands put, show, copy and remove one; files go first", options, async () => {
  const ours = issued(["a.test", "store.test"]);
  const filed = issued(["b.test"]);
  await using folder = await tempFolder();
  const write = async (name: string, text: string) => {
    await writeFile(folder.file(name), text);
    return folder.file(name);
  };
  const place = await write("b.pem", filed.cert + issuer + filed.key);
  await using program = await startTidegate({
    config: { ...config, tls: { certificates: [{ cert: place, key: place }] } },
    workers: 1,
  });
  const run = async (...words: readonly string[]) =>
    runCommand(tidegate, [...words, "--control", program.control]);
  const both = await write("both.pem", ours.key + ours.cert + issuer);
  const cert = await write("cert.pem", ours.cert + issuer);
  const key = await write("key.pem", ours.key);
  const dry = await run("certs", "put", "shop", "--cert", both, "--dry-run");
  assert.match(dry.stdout, /\+ certificates shop\nnothing was changed/, dry.stderr);
  const put = await run("certs", "put", "shop", "--cert", cert, "--key", key, "--note", "new");
  assert.match(put.stdout, /\+ certificates shop\nrevision 1 is live/, put.stderr);
  assert.equal(await shownFor(program, "a.test"), "DNS:a.test, DNS:store.test");
  const again = await run("certs", "put", "shop", "--cert", both);
  assert.equal(again.code, 0, again.stderr);
  const rival = issued(["b.test"]);
  const late = await write("late.pem", rival.key + rival.cert + issuer);
  assert.equal((await run("certs", "put", "late", "--cert", late)).code, 0);
  const rows = JSON.parse((await run("certs", "--json")).stdout) as CertificateRow[];
  assert.deepEqual(
    rows.map(({ names }) => names[0]),
    ["b.test", "a.test", "b.test"],
  );
  const missing = await run("certs", "put", "shop", "--cert", cert);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /no private key is in .*cert\.pem: say --key FILE/);

  const secret = [ours.key, rival.key];
  const shown = [["export"], ["dump"], ["history", "--json"], ["diff", "0"], ["certs", "--json"]];
  for (const words of shown) {
    const { stdout, code } = await run(...words);
    assert.equal(code, 0, words.join(" "));
    mustNotTell(stdout, secret, words.join(" "));
  }
  for (const [role, status] of [
    ["edit", 403],
    ["admin", 200],
  ] as const) {
    const token = await run("token", "add", role, "--role", role);
    const asked = await fetch(`${baseOf(program)}/v1/export?keys=true`, {
      headers: bearer(token.stdout.trim()),
      signal: AbortSignal.timeout(20_000),
    });
    assert.equal(asked.status, status, `${role}: ${token.stderr}`);
    const isTold = (await asked.text()).includes(ours.key.split("\n")[1] ?? "-");
    assert.equal(isTold, role === "admin");
  }
  // What was exported without keys goes where they are; with them anywhere.
  const bare = await write("bare.json", (await run("export")).stdout);
  assert.match((await run("restore", bare)).stdout, /so already/);
  const full = await write("full.json", (await run("export", "--keys")).stdout);
  assert.ok((await readFile(full, "utf8")).includes(ours.key.split("\n")[1] ?? "-"));
  assert.match((await run("certs", "remove", "shop")).stdout, /- certificates shop/);
  assert.equal(await shownFor(program, "a.test"), "nobody signed it");
  assert.match((await run("restore", bare)).stderr, /stands for a key that is not shown/);
  assert.equal((await run("restore", full)).code, 0);
  assert.equal(await shownFor(program, "a.test"), "DNS:a.test, DNS:store.test");
  mustNotTell(program.stderr(), secret, "the log");
});
