import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { test } from "node:test";
import { eventually } from "../../test/harness/barrier.ts";
import { gatewayBackend } from "../../test/harness/gateway-sample.ts";
import { sampleTarget } from "../../test/harness/health-sample.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { ask, lease } from "../../test/harness/upstream-sample.ts";
import type { Premises } from "../guest/finding.ts";
import { Guests } from "../guest/guests.ts";
import { probe } from "../health/probe.ts";
import { reachSocket } from "./guest-socket.ts";

const bounded = { timeout: 20_000 };
const guest = "lxc/blog";

async function listener(path: string) {
  let visits = 0;
  const server = createServer((socket) => {
    visits++;
    socket.on("error", () => {}); // who leaves may reset
    socket.resume();
  });
  server.listen(path);
  await once(server, "listening");
  return {
    visits: () => visits,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
}

/** A container with a program, and this machine with a socket that it must not get us to talk to. */
async function stand() {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await tempFolder());
  const rootfs = folder.file("rootfs");
  await mkdir(`${rootfs}/run`, { recursive: true });
  const own = stack.use(await listener(`${rootfs}/run/app.sock`));
  const outside = stack.use(await listener(folder.file("docker.sock")));
  await symlink("/run/app.sock", `${rootfs}/run/absolute.sock`);
  await symlink("../../docker.sock", `${rootfs}/run/relative.sock`);
  await symlink(folder.file("docker.sock"), `${rootfs}/run/host.sock`);
  await writeFile(`${rootfs}/run/file`, "no socket");
  const guests = new Guests();
  guests.update({ [guest]: { rootfs, init: undefined, why: "" } });
  const owned = stack.move();
  return { guests, rootfs, own, outside, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const backendAt = (guests: Guests, path: string, maxConnections = 100) =>
  gatewayBackend({
    speaks: "fastcgi",
    address: { kind: "unix", path, guest },
    pool: { maxConnections },
    upstream: { guests },
  });

test("a container's socket is connected to, also over links inside of it", bounded, async () => {
  await using at = await stand();
  for (const path of ["/run/app.sock", "/run/absolute.sock"]) {
    using backend = backendAt(at.guests, path);
    const connection = await lease(backend.pool);
    connection.destroy();
  }
  await eventually("both to arrive", () => at.own.visits() === 2 || undefined);
});

test("no link of a container leads to a socket of this machine", bounded, async () => {
  await using at = await stand();
  for (const path of ["/run/relative.sock", "/run/host.sock"]) {
    using backend = backendAt(at.guests, path);
    assert.equal(await ask(backend.pool).outcome, "CONNECT_REFUSED", path);
  }
  assert.equal(at.outside.visits(), 0);
});

test("why there is no connection is told, and its place is given back", bounded, async () => {
  await using at = await stand();
  for (const [path, code] of [
    ["/run/gone.sock", "CONNECT_REFUSED"],
    ["/run/file", "CONNECT_FAILED"],
  ] as const) {
    using backend = backendAt(at.guests, path, 1);
    assert.equal(await ask(backend.pool).outcome, code);
    assert.equal(await ask(backend.pool).outcome, code, "and again");
    assert.deepEqual([backend.pool.busyCount, backend.pool.waitingCount], [0, 0]);
  }
  const why = "there is no container blog of lxc";
  at.guests.update({ [guest]: { rootfs: undefined, init: undefined, why } });
  using away = backendAt(at.guests, "/run/app.sock");
  assert.equal(await ask(away.pool).outcome, "GUEST_AWAY");
  const reached = await reachSocket(at.guests, guest, "/run/app.sock", 1000);
  assert.ok(reached.kind === "failed" && reached.cause.message.includes(why));
});

test("sockets are let go once they are connected to", bounded, async () => {
  await using at = await stand();
  using backend = backendAt(at.guests, "/run/app.sock");
  const count = async () => (await readdir("/proc/self/fd")).length;
  (await lease(backend.pool)).destroy();
  const before = await count();
  for (let each = 0; each < 50; each++) (await lease(backend.pool)).destroy();
  // Others of this process come and go.
  await eventually(
    "descriptors to be closed",
    async () => (await count()) < before + 10 || undefined,
  );
});

test("a file system that does not answer costs no more than connecting may", bounded, async () => {
  const looks = Promise.withResolvers<never>();
  const silent = { socket: () => looks.promise } as unknown as Premises;
  const guests = { of: () => silent } as unknown as Guests;
  const begun = performance.now();
  const reached = await reachSocket(guests, guest, "/run/app.sock", 50);
  assert.ok(reached.kind === "failed" && reached.code === "CONNECT_TIMEOUT");
  assert.ok(performance.now() - begun < 2000);
});

test("checks go to the container's socket as well", bounded, async () => {
  await using at = await stand();
  const check = async (path: string, guests?: Guests) => {
    const target = sampleTarget(`unix:${path}`, {
      kind: "tcp",
      send: undefined,
      expect: undefined,
    });
    const backend = { ...target.backend, address: { kind: "unix", path, guest } as const };
    const verdict = await probe({ ...target, backend, guests }, new AbortController().signal);
    return `${verdict.isGood}: ${verdict.text.replace(/ in \d+ ms$/, "")}`;
  };
  assert.equal(await check("/run/absolute.sock", at.guests), "true: connected");
  assert.equal(
    await check("/run/host.sock", at.guests),
    `false: there is no socket /run/host.sock in ${guest}`,
  );
  assert.equal(await check("/run/app.sock"), `false: nobody knows where ${guest} is`);
  assert.equal(at.outside.visits(), 0);
});

test("a program that was started anew is found at once", bounded, async () => {
  await using at = await stand();
  using backend = backendAt(at.guests, "/run/second.sock");
  const path = `${at.rootfs}/run/second.sock`;
  const first = await listener(path);
  (await lease(backend.pool)).destroy();
  await first[Symbol.asyncDispose]();
  assert.equal(await ask(backend.pool).outcome, "CONNECT_REFUSED");
  await using second = await listener(path);
  (await lease(backend.pool)).destroy();
  await eventually("it to arrive", () => second.visits() === 1 || undefined);
  await rm(path);
  await using third = await listener(path);
  // The second listens still, and is held for a moment: that is where connections go, or to the one that took its name.
  (await lease(backend.pool)).destroy();
  await eventually("it to arrive", () => second.visits() + third.visits() === 2 || undefined);
});

test("many who want it at the same time look for it once", bounded, async () => {
  await using at = await stand();
  let looks = 0;
  const guests = {
    of: (name: string) => ({
      socket: (path: string) => {
        looks++;
        return at.guests.of(name).socket(path);
      },
    }),
  } as unknown as Guests;
  using backend = backendAt(guests, "/run/app.sock");
  const all = await Promise.all(Array.from({ length: 20 }, () => lease(backend.pool)));
  for (const each of all) each.destroy();
  assert.equal(looks, 1);
});

test("who may not connect, or is refused, is told where in the container", bounded, async () => {
  await using at = await stand();
  const path = `${at.rootfs}/run/left.sock`;
  const gone = await listener(`${path}-was`);
  await rename(`${path}-was`, path);
  await gone[Symbol.asyncDispose]();
  using backend = backendAt(at.guests, "/run/left.sock");
  const { promise, resolve } = Promise.withResolvers<Error | undefined>();
  backend.pool.open(
    {
      ticket: null,
      onLease: () => resolve(undefined),
      onNoLease: (_code, cause) => resolve(cause),
    },
    2000,
  );
  assert.equal((await promise)?.message, `connect ECONNREFUSED /run/left.sock in ${guest}`);
});
