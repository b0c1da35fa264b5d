// Certificates that look after themselves, against a real authority: pebble, which looks at the proofs itself.

import assert from "node:assert/strict";
import { test } from "node:test";
import { mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually, within } from "../harness/barrier.ts";
import { freePort } from "../harness/free-port.ts";
import { startTidegate } from "../harness/tidegate.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startMeddler } from "../harness/meddler.ts";
import {
  acmeConfig,
  certificateRows,
  runCertificates,
  servedBy,
  shownFor,
  startAcmeProgram,
} from "../harness/acme-program.ts";
import { runCommand } from "../harness/command.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { needs } from "../harness/needs.ts";
import { pebbleNeeds, startPebble } from "../harness/pebble.ts";

const skip = needs(...pebbleNeeds);
const ofPebble = /CN=Pebble Intermediate/;

for (const type of ["http-01", "tls-alpn-01"]) {
  test(`tls: auto is all it takes: ${type}`, { skip, timeout: 90_000 }, async () => {
    await using pebble = await startPebble({ nonceReject: 20 });
    const routes = { one: ["a.example.test", "b.example.test"], two: ["c.example.test"] };
    await using program = await startAcmeProgram(
      pebble,
      { routes, acme: { challenges: [type] } },
      { workers: 2 },
    );
    const { tidegate } = program;
    const first = await shownFor(tidegate.port("secure"), "a.example.test");
    assert.match(first.issuer, /no certificate for this name|Pebble/);
    const a = await servedBy(tidegate.port("secure"), "a.example.test", ofPebble);
    const b = await servedBy(tidegate.port("secure"), "b.example.test", ofPebble);
    const c = await servedBy(tidegate.port("secure"), "c.example.test", ofPebble);
    assert.equal(a.serialNumber, b.serialNumber);
    assert.notEqual(a.serialNumber, c.serialNumber);
    const rows = await certificateRows(tidegate);
    const states = rows.map(({ names, state }) => `${names.length} ${state}`);
    assert.deepEqual(states.toSorted(), ["1 ok", "2 ok"]);
  });
}

const hook = `
const [, , url, word, name, value] = process.argv;
const command = word === "set" ? "set-txt" : "clear-txt";
const body = JSON.stringify({ host: name + ".", value });
const answer = await fetch(url + "/" + command, { method: "POST", body });
if (!answer.ok) { console.error("no: " + answer.status); process.exit(1); }
`;

test("dns-01 by a hook: one wildcard for many routes", { skip, timeout: 90_000 }, async () => {
  await using pebble = await startPebble();
  const wishes = {
    routes: { all: ["*.w.test", "w.test"], one: ["one.w.test"], two: ["two.w.test"] },
    acme: {
      dns: {
        hook: [process.execPath, "{folder}/hook.mjs", pebble.nameUrl],
        resolvers: [pebble.nameServer],
      },
    },
  };
  await using program = await startAcmeProgram(pebble, wishes, { files: { "hook.mjs": hook } });
  const port = program.tidegate.port("secure");
  const found = await servedBy(port, "any.w.test", ofPebble);
  for (const name of ["w.test", "one.w.test", "two.w.test"]) {
    assert.equal((await servedBy(port, name, ofPebble)).serialNumber, found.serialNumber);
  }
  const rows = await certificateRows(program.tidegate);
  assert.deepEqual(
    rows.map(({ names, state }) => [names.toSorted(), state]),
    [[["*.w.test", "w.test"], "ok"]],
  );
});

test("fifty names come up after one start", { skip, timeout: 120_000 }, async () => {
  await using pebble = await startPebble({ nonceReject: 5 });
  const names = Array.from({ length: 50 }, (_, at) => `n${at}.example.test`);
  const routes = Object.fromEntries(names.map((name) => [name, [name]]));
  const began = performance.now();
  await using program = await startAcmeProgram(pebble, { routes }, { workers: 1 });
  const port = program.tidegate.port("secure");
  for (const name of names) await servedBy(port, name, ofPebble, 90_000);
  console.log(`50 names after ${Math.round(performance.now() - began)} ms`);
  const kept = join(program.tidegate.folder, "state/acme");
  assert.equal((await readdir(join(kept, "certificates"))).length, 50);
  assert.equal((await stat(kept)).mode & 0o777, 0o700);
  for (const kind of ["accounts", "certificates"]) {
    for (const name of await readdir(join(kept, kind))) {
      assert.equal((await stat(join(kept, kind, name))).mode & 0o777, 0o600, name);
    }
  }
  assert.deepEqual(await readdir(join(kept, "orders")), []);
});

test(
  "killed at whichever question to the authority, an order is resumed and not repeated",
  { skip, timeout: 240_000 },
  async () => {
    await using pebble = await startPebble();
    await using meddler = await startMeddler(pebble);
    const behind = { ...pebble, directory: meddler.directory, ca: meddler.ca };
    const routes: Record<string, string[]> = { first: ["first.test"] };
    await using program = await startAcmeProgram(behind, { routes });
    let { tidegate } = program;
    await using stack = new AsyncDisposableStack();
    await servedBy(tidegate.port("secure"), "first.test", ofPebble);
    let round = 0;
    for (const when of ["before", "after"] as const) {
      for (let number = 1, isKilled = true; isKilled; number++) {
        const name = `k${++round}.test`;
        let count = 0;
        let heard = 0;
        let wasOrder = false;
        let isRefused = false;
        const ended = tidegate.exited;
        isKilled = false;
        const at = (isNow: boolean, isOrder: boolean) => {
          if (!isNow || isKilled || count !== number) return undefined;
          isKilled = true;
          wasOrder = isOrder;
          for (const pid of tidegate.pids()) process.kill(pid, "SIGKILL");
          return "cut" as const;
        };
        meddler.meddle({
          before({ path }) {
            if (!isKilled) count++;
            return at(when === "before", path.includes("order-plz"));
          },
          after({ path }, { status, body }) {
            // It looked while nobody was there.
            isRefused ||= /"status": *"invalid"/.test(body);
            const isOrder = path.includes("order-plz");
            if (isOrder && status === 201) heard++;
            return at(when === "after", isOrder && status === 201);
          },
        });
        routes[name] = [name];
        await tidegate.writeConfig(acmeConfig(behind, program.folder, { routes }));
        tidegate.signal("SIGHUP");
        if (!(await Promise.race([ended.then(() => true), done(tidegate, name)]))) break;
        if (tidegate !== program.tidegate) await tidegate[Symbol.asyncDispose]();
        tidegate = await tidegate.startAgain();
        const { [Symbol.asyncDispose]: dispose } = tidegate;
        stack.defer(dispose);
        await servedBy(tidegate.port("secure"), name, ofPebble);
        const isLost = when === "after" && wasOrder;
        assert.equal(
          heard,
          isLost || isRefused ? 2 : 1,
          `${name}: killed ${when} question ${number}`,
        );
      }
      assert.ok(round > 5, "it was killed hardly ever");
      console.log(`${when}: killed ${round} times in all`);
    }
    meddler.meddle({});
    for (const name of Object.keys(routes).slice(1)) {
      await servedBy(tidegate.port("secure"), name, ofPebble);
    }
    await within(tidegate.stop(), 20_000, "the end");
  },
);

test(
  "killed while its account is made, a program has one account in the end",
  { skip, timeout: 120_000 },
  async () => {
    await using pebble = await startPebble();
    await using meddler = await startMeddler(pebble);
    const behind = { ...pebble, directory: meddler.directory, ca: meddler.ca };
    const routes = { a: ["a.test"] };
    for (const when of ["before", "after"] as const) {
      for (const path of ["/dir", "/nonce-plz", "/sign-me-up", "/order-plz"]) {
        meddler.meddle({});
        await using program = await startAcmeProgram(behind, { routes: {} });
        const { tidegate } = program;
        let isKilled = false;
        let accounts = 0;
        const kill = (asked: { readonly path: string }) => {
          if (isKilled || asked.path !== path) return undefined;
          isKilled = true;
          for (const pid of tidegate.pids()) process.kill(pid, "SIGKILL");
          return "cut" as const;
        };
        meddler.meddle({
          before: (asked) => (when === "before" ? kill(asked) : undefined),
          after(asked, { status }) {
            if (asked.path === "/sign-me-up" && status === 201) accounts++;
            return when === "after" ? kill(asked) : undefined;
          },
        });
        await tidegate.writeConfig(acmeConfig(behind, program.folder, { routes }));
        tidegate.signal("SIGHUP");
        await within(tidegate.exited, 20_000, "the program to be killed");
        await using again = await tidegate.startAgain();
        await servedBy(again.port("secure"), "a.test", ofPebble);
        assert.equal(accounts, 1, `killed ${when} ${path}`);
      }
    }
  },
);

async function done(tidegate: { port(name: string): number }, name: string): Promise<false> {
  await servedBy(tidegate.port("secure"), name, ofPebble);
  return false;
}

test(
  "certificates are renewed long before they end, and no handshake fails",
  { skip, timeout: 90_000 },
  async () => {
    await using pebble = await startPebble({ validity: 15 });
    const routes = { short: ["short.test", "also.test"] };
    await using program = await startAcmeProgram(pebble, { routes }, { workers: 2 });
    const port = program.tidegate.port("secure");
    const seen = new Map<string, number>();
    await servedBy(port, "short.test", ofPebble);
    const end = performance.now() + 35_000;
    while (seen.size < 3 && performance.now() < end) {
      const { serialNumber, validToDate, issuer } = await shownFor(port, "also.test");
      assert.match(issuer, ofPebble);
      const left = validToDate.getTime() - Date.now();
      assert.ok(left > 0, "one that has ended is shown");
      seen.set(serialNumber, Math.max(left, seen.get(serialNumber) ?? 0));
    }
    assert.ok(seen.size >= 3, `${seen.size} certificates in 35 s`);
    const kept = await readdir(join(program.tidegate.folder, "state/acme/certificates"));
    assert.ok(kept.length <= 2, "old ones stay");
  },
);

test(
  "while its authority is gone a name waits, and says why",
  { skip, timeout: 60_000 },
  async () => {
    await using pebble = await startPebble();
    const dead = `https://127.0.0.1:${await freePort()}/dir`;
    const wishes = { routes: { a: ["a.test"] }, acme: { authority: dead } };
    await using program = await startAcmeProgram(pebble, wishes);
    const { tidegate } = program;
    const [row] = await eventually("the reason", async () => {
      const rows = await certificateRows(tidegate);
      return rows.some(({ state }) => state === "waiting") ? rows : undefined;
    });
    assert.match(
      row?.why ?? "",
      /it is tried again at .*, because cannot ask .*nobody listens there.*; until then one that nobody signed is shown/,
    );
    assert.deepEqual(row?.names, ["a.test"]);
  },
);

test("tls: internal needs nobody", { skip: needs("openssl"), timeout: 30_000 }, async () => {
  await using folder = await tempFolder();
  const ports = { httpPort: await freePort(), tlsPort: await freePort() };
  const wishes = { routes: { a: ["a.internal", "127.0.0.1"] }, kind: "internal" } as const;
  const config = acmeConfig({ ...ports, directory: "https://127.0.0.1:1/dir" }, folder, {
    ...wishes,
    acme: { authority: "letsencrypt" },
  });
  await using tidegate = await startTidegate({ config });
  const found = await servedBy(tidegate.port("secure"), "a.internal", /CN=Tidegate on/);
  assert.match(
    found.subjectAltName ?? "",
    /DNS:a\.internal, IP Address:127\.0\.0\.1|IP Address:127\.0\.0\.1, DNS:a\.internal/,
  );
});

test(
  "on a full disk nothing is ordered that cannot be kept, and it is said",
  { skip: needsRoot() || needs(...pebbleNeeds, "mount", "umount"), timeout: 60_000 },
  async () => {
    await using stack = new AsyncDisposableStack();
    await using pebble = await startPebble();
    await using meddler = await startMeddler(pebble);
    const state = stack.use(await tempFolder());
    const disk = state.file("acme");
    await mkdir(disk);
    const mounted = ["-t", "tmpfs", "-o", "size=64k,mode=700", "none", disk];
    assert.equal((await runCommand("mount", mounted)).code, 0);
    stack.defer(async () => void (await runCommand("umount", ["-l", disk])));
    const behind = { ...pebble, directory: meddler.directory, ca: meddler.ca };
    const env = { STATE_DIRECTORY: state.path };
    await using program = await startAcmeProgram(behind, { routes: {} }, { env });
    const { tidegate, folder } = program;
    await assert.rejects(writeFile(join(disk, "filler"), Buffer.alloc(131_072)), /ENOSPC/);
    const config = acmeConfig(behind, folder, { routes: { a: ["a.test"] } });
    await tidegate.writeConfig(config);
    tidegate.signal("SIGHUP");
    const rows = await eventually("the reason", async () => {
      const found = await certificateRows(tidegate);
      return found.some(({ why }) => why.includes("disk is full")) ? found : undefined;
    });
    assert.match(rows[0]?.why ?? "", /Nothing is ordered that cannot be kept: make room/);
    assert.ok(!meddler.asked.some(({ path }) => path.includes("order-plz")), "it ordered");
    await rm(join(disk, "filler"));
    const renewed = await runCertificates(tidegate, ["renew", "a.test"]);
    assert.match(renewed.stdout, /a certificate for a\.test is ordered/);
    await servedBy(tidegate.port("secure"), "a.test", ofPebble);
    const unknown = await runCertificates(tidegate, ["renew", "b.test"]);
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /no route with tls: auto or tls: internal is for b\.test/);
  },
);

test(
  "what a person renews is another certificate, and the old one goes",
  { skip, timeout: 60_000 },
  async () => {
    await using pebble = await startPebble();
    await using program = await startAcmeProgram(pebble, { routes: { a: ["a.test"] } });
    const { tidegate } = program;
    const first = await servedBy(tidegate.port("secure"), "a.test", ofPebble);
    const id = first.fingerprint256.replaceAll(":", "").toLowerCase();
    const renewed = await runCertificates(tidegate, ["renew", id, "--json"]);
    assert.equal(renewed.code, 0, renewed.stderr);
    await eventually("another one", async () => {
      const { serialNumber } = await shownFor(tidegate.port("secure"), "a.test");
      return serialNumber === first.serialNumber ? undefined : true;
    });
    await eventually("the old one to go", async () =>
      (await certificateRows(tidegate)).length === 1 ? true : undefined,
    );
  },
);
