// Certificates of the local authority (tls: internal), believed by those who were told to: curl, openssl and Chromium.

import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { eventually } from "../harness/barrier.ts";
import { runCommand, tidegate as launcher } from "../harness/command.ts";
import { findCommand, needs } from "../harness/needs.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { privateTrust, privateTrustNeeds } from "../harness/private-trust.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

async function stand() {
  await using stack = new AsyncDisposableStack();
  const state = stack.use(await tempFolder());
  const tidegate = stack.use(
    await startTidegate({
      config: {
        listeners: { secure: { bind: "127.0.0.1:0", tls: true } },
        stateFolder: state.path,
        routes: {
          nas: { host: ["nas.internal", "*.apps.internal"], whoami: true, tls: "internal" },
        },
      },
    }),
  );
  const port = tidegate.port("secure");
  const trust = (...words: readonly string[]) =>
    runCommand(launcher, ["trust", "--control", tidegate.control, ...words]);
  const pem = await eventually("the authority", async () => {
    const { stdout, code } = await trust("--print");
    return code === 0 ? stdout : undefined;
  });
  const root = state.file("root.pem");
  await writeFile(root, pem);
  const held = stack.move();
  return {
    ...{ tidegate, port, pem, root, state, trust },
    /** Arguments of curl. */
    question: (host: string) => [
      ...["-sS", "--max-time", "10", "--resolve", `${host}:${port}:127.0.0.1`],
      `https://${host}:${port}/`,
    ],
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

test(
  "curl and openssl believe the printed root, for names and wildcards, and nobody else does",
  { skip: needs("curl", "openssl"), timeout: 60_000 },
  async () => {
    await using all = await stand();
    for (const host of ["nas.internal", "x.apps.internal"]) {
      const answered = await eventually(`curl of ${host}`, async () => {
        const ended = await runCommand("curl", ["--cacert", all.root, ...all.question(host)]);
        return ended.code === 0 ? ended : undefined;
      });
      assert.match(answered.stdout, /^Hello from Tidegate/);
    }
    const stranger = await runCommand("curl", all.question("nas.internal"));
    assert.equal(stranger.code, 60, stranger.stderr);
    const { stdout } = await runCommand("openssl", [
      ...["s_client", "-connect", `127.0.0.1:${all.port}`, "-servername", "nas.internal"],
      ...["-CAfile", all.root, "-verify_hostname", "nas.internal"],
    ]);
    assert.match(stdout, /Verify return code: 0 \(ok\)/);
    // Without the program: from where it is kept.
    const kept = await runCommand(launcher, ["trust", "--print", "--folder", all.state.path]);
    assert.equal(kept.stdout, all.pem);
    assert.ok(!all.pem.includes("PRIVATE"));
  },
);

test(
  "tidegate trust has the system trust it, and --remove takes that back",
  { skip: needsRoot() || needs("curl", ...privateTrustNeeds), timeout: 120_000 },
  async () => {
    await using all = await stand();
    await using here = await privateTrust();
    const command = [launcher, "trust", "--control", all.tidegate.control] as const;
    const trusted = await here.run(...command);
    assert.equal(trusted.code, 0, trusted.stderr);
    assert.match(
      trusted.stdout,
      /^trusted by the system \(\/usr\/local\/share\/ca-certificates\)\n/,
    );
    const answered = await here.run("curl", ...all.question("nas.internal"));
    assert.match(answered.stdout, /^Hello from Tidegate/, answered.stderr);
    assert.equal((await here.run(...command)).code, 0, "twice is once");
    const removed = await here.run(...command, "--remove");
    assert.match(removed.stdout, /^trusted no more by the system/, removed.stderr);
    assert.equal((await here.run("curl", ...all.question("nas.internal"))).code, 60);
    assert.match((await here.run(...command, "--remove")).stdout, /^was not trusted by the system/);
  },
);

test(
  "Chromium shows the page without a warning once it was told to trust, and not before",
  { skip: needsRoot() || needs("chromium", "certutil", ...privateTrustNeeds), timeout: 120_000 },
  async () => {
    await using all = await stand();
    await using here = await privateTrust();
    const database = join(here.home, ".pki", "nssdb");
    await mkdir(database, { recursive: true });
    const made = await here.run("certutil", "-N", "-d", `sql:${database}`, "--empty-password");
    assert.equal(made.code, 0, made.stderr);
    const visit = async () => {
      await using stack = new AsyncDisposableStack();
      const browser = await chromium.launch({
        executablePath: findCommand("chromium") ?? "chromium",
        args: ["--no-sandbox", "--host-resolver-rules=MAP *.internal 127.0.0.1"],
        env: { ...process.env, HOME: here.home },
      });
      stack.defer(() => browser.close());
      const page = await browser.newPage();
      const answer = await page.goto(`https://nas.internal:${all.port}/`);
      return await answer?.text();
    };
    await assert.rejects(visit(), /ERR_CERT_AUTHORITY_INVALID/);
    const told = await here.run(launcher, "trust", "--control", all.tidegate.control);
    assert.match(told.stdout, /trusted by a browser \(.*\.pki\/nssdb\)\n/, told.stderr);
    assert.match((await visit()) ?? "", /^Hello from Tidegate/);
    await here.run(launcher, "trust", "--remove", "--control", all.tidegate.control);
    await assert.rejects(visit(), /ERR_CERT_AUTHORITY_INVALID/);
  },
);

test(
  "with sudo the browsers of who used it are told, as that user",
  { skip: needsRoot() || needs("certutil", "setpriv", ...privateTrustNeeds), timeout: 120_000 },
  async () => {
    await using all = await stand();
    await using here = await privateTrust();
    const { uid, gid } = statSync(here.otherHome);
    const as = ["setpriv", "--reuid", `${uid}`, "--regid", `${gid}`, "--clear-groups"] as const;
    const profile = join(here.otherHome, ".mozilla", "firefox", "x.default");
    assert.equal((await here.run(...as, "mkdir", "-p", profile)).code, 0);
    const certutil = [...as, "certutil", "-d", `sql:${profile}`] as const;
    assert.equal((await here.run(...certutil, "-N", "--empty-password")).code, 0);
    const told = await here.sudo(launcher, "trust", "--control", all.tidegate.control);
    assert.equal(told.code, 0, told.stderr);
    assert.match(told.stdout, /trusted by a browser \(.*x\.default\)\n/);
    assert.match((await here.run(...certutil, "-L")).stdout, /tidegate-[0-9a-f]{16} +C,,/);
    assert.equal(statSync(join(profile, "cert9.db")).uid, uid);
  },
);
