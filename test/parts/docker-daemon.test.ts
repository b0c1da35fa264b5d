// The daemon itself in trouble: absent, killed, hanging, restarted, at the other end of a network, and with
// more to do than usual. What was said last stays; what is there afterwards is all there.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { certificates } from "../harness/certificates.ts";
import { dockerEngineNeeds, startDockerEngine } from "../harness/docker-engine.ts";
import { dockerSettings, type DockerWatch, watchDocker } from "../harness/docker-watch.ts";
import { freePort } from "../harness/free-port.ts";
import { needs } from "../harness/needs.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { webContainers, webImageNeeds } from "../harness/web-image.ts";
import type { Workload } from "../../src/providers/workload.ts";

const skip = needsRoot() || needs(...dockerEngineNeeds, ...webImageNeeds);

const isRunning = ({ state }: Workload) => state === "running";
const isFailing = ({ troubles }: DockerWatch) => troubles.at(-1) !== undefined;
const isWell = ({ troubles }: DockerWatch) => troubles.at(-1) === undefined;

test("a daemon that comes, dies and comes back", { skip, timeout: 180_000 }, async (context) => {
  await using folder = await tempFolder();
  await using absent = watchDocker(dockerSettings(`unix://${folder.file("none.sock")}`));

  await context.test("absent, it is named, with what to do", async () => {
    await absent.untilAll("the trouble", isFailing);
    assert.match(
      absent.troubles[0] ?? "",
      /^cannot ask Docker at .*none\.sock: there is no such socket; start Docker, or set `endpoint`/,
    );
    assert.equal(absent.lists.length, 0);
  });

  await using engine = await startDockerEngine({ liveRestore: true });
  const web = await webContainers(engine);
  await using watch = watchDocker(dockerSettings(engine.endpoint));
  await web.run({ name: "web1" });
  await web.run({ name: "web2" });
  await watch.until("web2", isRunning);

  await context.test("killed, it is missed at once, and what it said stays", async () => {
    await engine.kill();
    await watch.untilAll("the trouble", isFailing, 2000);
    assert.equal(watch.now().size, 2);
  });

  await context.test("back, it is asked again, and nothing was lost", async () => {
    await engine.startAgain();
    await watch.untilAll("the provider to speak again", isWell);
    for (const name of ["web1", "web2"]) {
      const { addresses } = await watch.until(name, isRunning);
      assert.equal(addresses.length, 1, name);
    }
    await web.run({ name: "web3" });
    await watch.until("web3", isRunning, 2000);
  });

  await context.test("at no time did it say that containers had gone", () => {
    const withBoth = watch.lists.filter((list) => list.some(({ name }) => name === "web2"));
    const first = watch.lists.indexOf(withBoth[0] ?? []);
    assert.ok(withBoth.length > 1);
    assert.equal(withBoth.length, watch.lists.length - first);
  });

  await context.test(
    "hanging, it is given ten seconds, and heard again when it goes on",
    async () => {
      await engine.docker(["rm", "--force", "web3"]);
      await watch.untilAll("web3 to be gone", ({ now }) => !now().has("web3"));
      engine.signal("SIGSTOP");
      await using late = watchDocker(dockerSettings(engine.endpoint));
      await late.untilAll("the trouble", isFailing, 15_000);
      assert.match(late.troubles[0] ?? "", /has not answered within 10 s/);
      assert.equal(watch.now().size, 2);
      engine.signal("SIGCONT");
      await late.untilAll("the listing", ({ now }) => now().size === 2);
      await web.run({ name: "web4" });
      await watch.until("web4", isRunning, 5000);
    },
  );

  await context.test("it is switched on and off by it", async () => {
    const settings = dockerSettings(engine.endpoint, { mayStart: true });
    const { DockerSource } = await import("../../src/providers/docker/docker.ts");
    const none = () => {};
    const source = new DockerSource(settings, { debug: none, info: none, warn: none, error: none });
    const web4 = await watch.until("web4", isRunning);
    await engine.docker(["kill", "web4"]);
    await watch.until("web4", ({ state }) => state === "stopped");
    await source.power(web4, "start");
    await watch.until("web4", isRunning, 2000);
    // Once more has nothing to do.
    await source.power(web4, "start");
    const gone = { ...web4, id: "0".repeat(64) };
    await assert.rejects(source.power(gone, "start"), /answered 404: No such container/);
  });
});

test(
  "a daemon of another machine: by TLS, with addresses that are reached from here",
  { skip: skip || needs("openssl"), timeout: 120_000 },
  async (context) => {
    await using folder = await tempFolder();
    const { ca, cert, key } = await certificates();
    await Promise.all([
      writeFile(folder.file("ca.pem"), ca),
      writeFile(folder.file("cert.pem"), cert),
      writeFile(folder.file("key.pem"), key),
    ]);
    const port = await freePort();
    await using engine = await startDockerEngine({
      hosts: [`tcp://127.0.0.1:${port}`],
      args: [
        ...["--tlsverify", "--tlscacert", folder.file("ca.pem")],
        ...["--tlscert", folder.file("cert.pem"), "--tlskey", folder.file("key.pem")],
      ],
    });
    const web = await webContainers(engine);
    await web.run({ name: "far", args: ["--publish", "0.0.0.0::80"] });
    await web.run({ name: "far-alone" });
    const at = dockerSettings(`tcp://127.0.0.1:${port}`);
    const plain = { kind: "tcp", host: "127.0.0.1", port } as const;

    await context.test("with our certificate it answers", async () => {
      const tls = { ca, certificate: cert, key };
      await using watch = watchDocker({ ...at, endpoint: { ...plain, tls } });
      // It has the name of this machine, so it is this machine: its networks are ours.
      const far = await watch.until("far", ({ addresses }) => addresses.length > 0);
      assert.equal(far.published[0]?.hostIp, "127.0.0.1");
    });

    await context.test("without one, or not trusted, it says what is missing", async () => {
      await using untrusted = watchDocker({
        ...at,
        endpoint: { ...plain, tls: { ca: undefined, certificate: cert, key } },
      });
      await untrusted.untilAll("the trouble", isFailing);
      assert.match(untrusted.troubles[0] ?? "", /its certificate is not trusted .*`tls\.ca`/);
      await using nobody = watchDocker({
        ...at,
        endpoint: { ...plain, tls: { ca, certificate: undefined, key: undefined } },
      });
      await nobody.untilAll("the trouble", isFailing);
      assert.match(nobody.troubles[0] ?? "", /cannot ask Docker at tcp:\/\/127\.0\.0\.1:\d+: ./);
      await using bare = watchDocker(at);
      await bare.untilAll("the trouble", isFailing);
      assert.match(bare.troubles[0] ?? "", /answered 400/);
    });
    assert.ok((await readFile(folder.file("ca.pem"), "utf8")).length > 0);
  },
);

test("a burst of containers", { skip, timeout: 300_000 }, async (context) => {
  await using engine = await startDockerEngine();
  const web = await webContainers(engine);
  await using watch = watchDocker(dockerSettings(engine.endpoint));
  const names = Array.from({ length: 40 }, (_, at) => `burst-${at}`);

  await context.test("all are found, without a listing for each", async () => {
    const beganAt = performance.now();
    const waiting = names.values();
    const startSome = async () => {
      for (const name of waiting) await web.run({ name, project: name });
    };
    await Promise.all(Array.from({ length: 4 }, startSome));
    const endedAt = performance.now();
    const all = ({ now }: DockerWatch) =>
      names.every((name) => now().get(name)?.addresses.length === 1);
    await watch.untilAll("all of them", all, 10_000);
    const took = performance.now() - endedAt;
    context.diagnostic(`the last one of them was found after ${Math.round(took)} ms`);
    assert.ok(took < 3000, `${took} ms`);
    const most = (endedAt + took - beganAt) / 100 + 2;
    assert.ok(watch.lists.length <= most, `${watch.lists.length} listings, ${most} at most`);
    const ips = new Set([...watch.now().values()].map(({ addresses }) => addresses[0]?.ip));
    assert.equal(ips.size, names.length);
  });

  await context.test("and all at once gone again", async () => {
    // Details of those that are being removed take seconds; somebody new does not wait for them.
    const removing = engine.docker(["rm", "--force", ...names]);
    await watch.untilAll("the first to go", ({ now }) => now().size < names.length);
    await web.run({ name: "meanwhile" });
    const startedAt = performance.now();
    await watch.until("meanwhile", ({ addresses }) => addresses.length === 1);
    const took = performance.now() - startedAt;
    context.diagnostic(`somebody new meanwhile was found after ${Math.round(took)} ms`);
    assert.ok(took < 3000, `${took} ms`);
    await removing;
    await watch.untilAll("only the new one", ({ now }) => now().size === 1, 5000);
    assert.deepEqual(watch.troubles, []);
  });
});
