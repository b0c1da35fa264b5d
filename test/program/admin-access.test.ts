// Who gets into the admin API of a running program, where it listens, and what outlives the program.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import {
  adminConfig as config,
  baseOf,
  clientOf,
  passwordOf,
  statuses,
} from "../harness/admin-program.ts";
import { basic, bearer } from "../harness/admin-stand.ts";
import { ApiClient } from "../harness/api-client.ts";
import { ask } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { certificates } from "../harness/certificates.ts";
import { runCommand, tidegate as launcher } from "../harness/command.ts";
import { freePort } from "../harness/free-port.ts";
import { needs } from "../harness/needs.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 60_000 };

test(
  "users, tokens and passwords: by the commands and by the API, and they outlive the program",
  bounded,
  async () => {
    await using program = await startTidegate({ config, workers: 0 });
    const password = passwordOf(program);
    const api = await clientOf(program);
    const command = async (input: string, ...words: readonly string[]) =>
      runCommand(launcher, [...words, "--control", program.control], { input, timeoutMs: 20_000 });
    const added = await command("", "user", "add", "alice", "--role", "edit");
    const [, made = ""] = /shown this once: (\S+)/.exec(added.stdout) ?? [];
    assert.equal(added.code, 0, added.stderr);
    assert.equal((await api.with(basic("alice", made)).call("whoami")).status, 200);
    const again = await command("", "user", "add", "alice");
    assert.equal(again.code, 1);
    assert.match(again.stderr, /there is a user alice already/);
    const set = await command(
      "a much better password\n",
      "user",
      "passwd",
      "alice",
      "--password-stdin",
    );
    assert.equal(set.code, 0, set.stderr);
    assert.equal((await api.with(basic("alice", made)).call("whoami")).status, 401);
    assert.equal(
      (await api.with(basic("alice", "a much better password")).call("whoami")).status,
      200,
    );
    assert.match((await command("", "user", "list")).stdout, /alice +edit/);
    const token = await command("", "token", "add", "deploy", "--user", "alice", "--role", "edit");
    const secret = token.stdout.trim();
    assert.match(secret, /^tg_[\w-]{43}$/);
    const script = api.with(bearer(secret));
    assert.equal(
      (await script.call("put_routes", { name: "a.test", body: { whoami: true } })).status,
      201,
    );
    assert.equal(
      (await script.call("add_token", { body: { name: "x", role: "read" } })).status,
      403,
    );
    assert.equal((await script.call("list_users")).status, 403);
    const tokens = (await api.call("list_tokens")).body as {
      id: string;
      name: string;
      used: string | null;
    }[];
    assert.deepEqual(
      tokens.map(({ name }) => name),
      ["deploy"],
    );
    assert.match((await command("", "token", "list")).stdout, /deploy +alice +edit/);

    await program.stop();
    await using second = await program.startAgain();
    assert.doesNotMatch(second.stderr(), /password/, "the first start was another one");
    const later = await ApiClient.of(baseOf(second), basic("admin", password));
    assert.equal(
      (await later.with(bearer(secret)).call("get_routes", { name: "a.test" })).status,
      200,
    );
    assert.equal((await later.call("status")).status, 200);
    const revoke = runCommand(launcher, [
      "token",
      "revoke",
      tokens[0]?.id ?? "",
      "--control",
      second.control,
    ]);
    assert.equal((await revoke).code, 0);
    assert.equal((await later.with(bearer(secret)).call("status")).status, 401);
    const removed = await later.call("remove_user", { name: "alice" });
    assert.equal(removed.status, 200);
    assert.equal((await later.call("remove_user", { name: "admin" })).status, 409);
    // Not even by those who may read all of the log.
    const log = await later.call("log", { lines: 1000 });
    assert.ok(!String(log.body).includes(password) && !String(log.body).includes(secret));
  },
);

test(
  "a session in a browser's way works over TLS, and nobody reads along",
  { ...bounded, skip: needs("openssl") },
  async () => {
    const { ca, cert, key } = await certificates();
    await using program = await startTidegate({ config, workers: 0 });
    const files = { cert: join(program.folder, "cert.pem"), key: join(program.folder, "key.pem") };
    await writeFile(files.cert, cert);
    await writeFile(files.key, key, { mode: 0o600 });
    const port = await freePort();
    await program.writeConfig({ ...config, admin: { bind: `127.0.0.1:${port}`, tls: files } });
    const post = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
      const asked = request({
        host: "127.0.0.1",
        port,
        path,
        method: "POST",
        ca,
        agent: false,
        timeout: 5000,
      });
      for (const [name, value] of Object.entries({
        "Content-Type": "application/json",
        ...headers,
      })) {
        asked.setHeader(name, value);
      }
      asked.end(JSON.stringify(body));
      const [response] = (await once(asked, "response")) as [IncomingMessage];
      let text = "";
      for await (const chunk of response) text += String(chunk);
      return {
        status: response.statusCode,
        headers: response.headers,
        body: JSON.parse(text) as { csrf: string },
      };
    };
    const who = { user: "admin", password: passwordOf(program) };
    const login = await eventually(
      "the API by TLS",
      () => post("/v1/login", who).catch(() => undefined),
      15_000,
    );
    const [cookie = ""] = login.headers["set-cookie"] ?? [];
    assert.match(cookie, /^__Host-tidegate_session=.*; Secure$/);
    const own = { Cookie: cookie.split(";")[0] ?? "", "X-Tidegate-Csrf": login.body.csrf };
    assert.equal((await post("/v1/reload", {}, own)).status, 200);
    assert.equal((await post("/v1/reload", {}, { Cookie: own.Cookie })).status, 403);
  },
);

test("an address that is taken is told once, and is used when it is free", bounded, async () => {
  const port = await freePort();
  const blocker = createServer().listen(port, "127.0.0.1");
  await once(blocker, "listening");
  try {
    await using program = await startTidegate({
      config: { ...config, admin: { bind: `127.0.0.1:${port}` } },
      workers: 0,
    });
    assert.equal((await ask(program.port(), { name: "file.test" })).status, 200);
    await program.waitForLog(/admin API cannot listen/);
    blocker.close();
    await once(blocker, "close");
    const told = await eventually(
      "the ports file to say so",
      async () => {
        const text = await readFile(join(program.folder, "ports.json"), "utf8");
        return text.includes('"admin"') ? text : undefined;
      },
      15_000,
    );
    assert.match(told, new RegExp(`"port":${port}`));
    assert.equal(
      (await (await clientOf(program, `http://127.0.0.1:${port}`)).call("status")).status,
      200,
    );
    assert.equal(program.stderr().match(/cannot listen/g)?.length, 1);
  } finally {
    blocker.close();
  }
});

test(
  "an upgrade that is asked for over the API is answered, and the successor goes on there",
  bounded,
  async () => {
    const port = await freePort();
    const admin = { bind: `127.0.0.1:${port}` };
    await using program = await startTidegate({ config: { ...config, admin }, workers: 1 });
    const api = await clientOf(program);
    const pid = async () => ((await api.call("status")).body as { pid: number }).pid;
    const first = await pid();
    assert.equal((await api.call("upgrade")).status, 200);
    await eventually(
      "the successor",
      async () => {
        const now = await pid().catch(() => first);
        return now === first ? undefined : now;
      },
      20_000,
    );
    // For a moment both have the store open, and the API says that it is to be tried again.
    await eventually("it writes", async () => {
      const { status } = await api.call("put_routes", {
        name: "after.test",
        body: { whoami: true },
      });
      assert.ok(status === 201 || status === 503, String(status));
      return status === 201 || undefined;
    });
    assert.deepEqual(await statuses(program, "after.test"), [200]);
    const { entries } = (await api.call("audit")).body as { entries: { what: string }[] };
    assert.ok(entries.some(({ what }) => what === "upgrade"));
  },
);

test(
  "it is there by itself, can be left out, and makes no user whose password a journal would keep",
  bounded,
  async () => {
    const { admin: _admin, ...usual } = config;
    await using off = await startTidegate({ config: usual, workers: 0 });
    assert.throws(() => off.port("admin"), /no listener admin/, "the tests' own switch is on");
    await using written = await startTidegate({
      config: { ...usual, admin: false },
      workers: 0,
      env: { TIDEGATE_ADMIN: "" },
    });
    assert.throws(() => written.port("admin"), /no listener admin/);
    await using folder = await tempFolder();
    const wrapper = folder.file("as-a-service");
    const script = `#!/bin/sh\nJOURNAL_STREAM=$(stat -Lc %d:%i /proc/self/fd/2) exec ${launcher} "$@"\n`;
    await writeFile(wrapper, script, { mode: 0o755 });
    await using journal = await startTidegate({ config, workers: 0, program: wrapper });
    assert.doesNotMatch(journal.stderr(), /password/);
    assert.match(journal.stderr(), /no users yet/);
  },
);

test(
  "with a store that is damaged nobody is let in, and what the file says is served",
  bounded,
  async () => {
    await using program = await startTidegate({ config, workers: 0 });
    const password = passwordOf(program);
    await program.stop();
    await writeFile(join(program.folder, "state", "tidegate.db"), "rubbish ".repeat(1000));
    await using second = await program.startAgain();
    const api = await ApiClient.of(baseOf(second), basic("admin", password));
    const found = await api.call("status");
    assert.equal(found.status, 503);
    assert.match(JSON.stringify(found.body), /tidegate\.db is damaged.*put a backup/);
    assert.equal((await api.call("login", { body: { user: "admin", password } })).status, 503);
    assert.deepEqual(await statuses(second, "file.test"), [200]);
    const added = await runCommand(launcher, ["user", "add", "eve", "--control", second.control]);
    assert.equal(added.code, 1);
    assert.match(added.stderr, /without the store/);
    const state = join(second.folder, "state");
    for (const name of await readdir(state)) {
      if (name.startsWith("tidegate.db")) await rm(join(state, name));
    }
    const reload = await runCommand(launcher, ["reload", "--control", second.control]);
    assert.equal(reload.code, 0, reload.stderr);
    const made = await eventually("the first user of the new store", () => {
      const [, word] = /with the password (\S+)/.exec(second.stderr()) ?? [];
      return Promise.resolve(word);
    });
    assert.equal((await api.with(basic("admin", made)).call("status")).status, 200);
  },
);
