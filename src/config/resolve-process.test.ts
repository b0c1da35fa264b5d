import assert from "node:assert/strict";
import { test } from "node:test";
import { formatProblem } from "./problem.ts";
import { readConfig } from "./read.ts";
import type { Snapshot } from "./snapshot.ts";

const noRoutes = /there are no routes/;

function read(text: string): Snapshot {
  const { snapshot, problems } = readConfig(text, { file: "t.yaml", baseFolder: "/base" });
  assert.ok(snapshot, problems.map(formatProblem).join("\n"));
  return snapshot;
}

const workers = {
  count: "auto",
  memoryLimit: 1_073_741_824,
  checkInterval: 5000,
  gracefulWait: 1_800_000,
  tunnelWait: 1_800_000,
  hangTimeout: 30_000,
  orphanWait: 60_000,
};

test("workers are one for each core unless the file says how many, or more about them", () => {
  assert.deepEqual(read("").workers, workers);
  assert.deepEqual(read("workers: auto").workers, workers);
  assert.deepEqual(read("workers:").workers, workers);
  assert.deepEqual(read("workers: {}").workers, workers);
  assert.deepEqual(read("workers: 0").workers, { ...workers, count: 0 });
  assert.deepEqual(read("workers: { count: auto, hangTimeout: 0 }").workers, {
    ...workers,
    hangTimeout: 0,
  });
  const all = `workers: { count: 4, memoryLimit: 512MiB, checkInterval: 1s, gracefulWait: 5m,
  tunnelWait: 0, hangTimeout: 10s, orphanWait: 2m }`;
  assert.deepEqual(read(all).workers, {
    count: 4,
    memoryLimit: 536_870_912,
    checkInterval: 1000,
    gracefulWait: 300_000,
    tunnelWait: 0,
    hangTimeout: 10_000,
    orphanWait: 120_000,
  });
});

test("user and group are names or numbers, and stay texts", () => {
  assert.deepEqual(read("user: www-data").runAs, { user: "www-data", group: undefined });
  assert.deepEqual(read("user: 1000\ngroup: 0").runAs, { user: "1000", group: "0" });
});

test("the socket and the PID file are found from the configuration's folder", () => {
  const { controlSocket, pidFile } = read("controlSocket: unix:run/c.sock\npidFile: t.pid");
  assert.equal(controlSocket, "/base/run/c.sock");
  assert.equal(pidFile, "/base/t.pid");
  assert.equal(read(`controlSocket: /${"x".repeat(106)}`).controlSocket?.length, 107);
});

test("the calls of Docker Proxy are served where the file says, and at port 16000 for true", () => {
  const addressOf = (value: string) =>
    read(`compat: { dockerProxyApi: ${value} }`).compat.dockerProxyApi;
  assert.deepEqual(addressOf("true"), { kind: "tcp", host: "127.0.0.1", port: 16_000 });
  assert.equal(addressOf("false"), undefined);
  assert.deepEqual(addressOf("'[::1]:7'"), { kind: "tcp", host: "::1", port: 7 });
  assert.deepEqual(addressOf("unix:/run/b.sock"), { kind: "unix", path: "/run/b.sock" });
});

const cases: readonly (readonly [string, ...string[]])[] = [
  [
    "workers: -1\n",
    "t.yaml:1:10: workers: must be a whole number from 0 to 1024, or auto, not the number -1",
  ],
  [
    "workers: 1.5\n",
    "t.yaml:1:10: workers: must be a whole number from 0 to 1024, or auto, or a mapping, not the number 1.5",
  ],
  [
    "workers: many\n",
    't.yaml:1:10: workers: must be a whole number from 0 to 1024, or auto, or a mapping, not the text "many"',
  ],
  [
    "workers: { count: many, tunnelWait: 30 }\n",
    't.yaml:1:19: workers.count: must be a whole number from 0 to 1024, or auto, not the text "many"',
    "t.yaml:1:37: workers.tunnelWait: 30 has no unit; write 30s",
  ],
  [
    "workers: { memorylimit: 1GiB }\n",
    't.yaml:1:12: workers.memorylimit: unknown key "memorylimit"; write memoryLimit',
  ],
  [
    "workers: { memoryLimit: 1MiB, checkInterval: 0, hangTimeout: 20ms }\n",
    "t.yaml:1:25: workers.memoryLimit: is less than a worker needs for itself; write at least 64MiB, or 0 for no limit",
    "t.yaml:1:46: workers.checkInterval: is too short; write at least 100ms; to turn it off write memoryLimit: 0",
    "t.yaml:1:62: workers.hangTimeout: is too short: a worker that is only busy would be killed; write at least 1s, or 0 for never",
  ],
  ["user: -7\n", "t.yaml:1:7: user: must be the name or number of a user, not the number -7"],
  ["user: a b\n", 't.yaml:1:7: user: "a b" is not the name or number of a user'],
  ["user: '4294967295'\n", 't.yaml:1:7: user: "4294967295" is not the name or number of a user'],
  [
    "user: www\ngroup: [www]\n",
    "t.yaml:2:8: group: must be the name or number of a group, not a list",
  ],
  [
    "group: www\n",
    "t.yaml:1:1: group: says nothing without user: root with another group is still root; add user",
  ],
  [
    "controlSocket: 7\n",
    "t.yaml:1:16: controlSocket: must be a path, not the number 7; write /run/tidegate/control.sock",
  ],
  ["controlSocket: 'unix:'\n", "t.yaml:1:16: controlSocket: the path is empty"],
  [
    `controlSocket: /${"x".repeat(107)}\n`,
    `t.yaml:1:16: controlSocket: /${"x".repeat(107)} has 108 bytes, and the system allows a socket 107; choose a shorter path`,
  ],
  [
    "controlSocket: /run/t.sock\nlisteners: { web: 'unix:/run/t.sock' }\n",
    "t.yaml:2:19: listeners.web: /run/t.sock already belongs to controlSocket; leave out one of them",
  ],
  ["pidFile: ''\n", "t.yaml:1:10: pidFile: the path is empty"],
  [
    "compat: { dockerProxyApi: 16000 }\n",
    't.yaml:1:27: compat.dockerProxyApi: must be an address, true or false, not the number 16000; write true for 127.0.0.1:16000, or "127.0.0.1:16000"',
  ],
  [
    "compat: { dockerProxyApi: 'localhost:16000' }\n",
    't.yaml:1:27: compat.dockerProxyApi: "localhost" is not an IP address; write 127.0.0.1:16000',
  ],
  [
    "compat: { dockerProxyApi: true }\nlisteners: { web: '127.0.0.1:16000' }\n",
    "t.yaml:2:19: listeners.web: 127.0.0.1:16000 already belongs to compat.dockerProxyApi; leave out one of them",
  ],
];

test("each mistake is told with its place, its cause and its remedy", () => {
  assert.ok(cases.length >= 15);
  for (const [text, ...expected] of cases) {
    const { snapshot, problems } = readConfig(text, { file: "t.yaml", baseFolder: "/base" });
    const told = problems.map(formatProblem).filter((line) => !noRoutes.test(line));
    assert.deepEqual(told, expected, text);
    assert.equal(snapshot, undefined, text);
  }
});
