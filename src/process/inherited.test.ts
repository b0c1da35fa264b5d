import assert from "node:assert/strict";
import { test } from "node:test";
import { inheritedSockets } from "./inherited.ts";

const variables = (pid: string, count: string, names?: string): NodeJS.ProcessEnv => ({
  PATH: "/bin",
  LISTEN_PID: pid,
  LISTEN_FDS: count,
  ...(names === undefined ? {} : { LISTEN_FDNAMES: names }),
});

test("sockets are numbered from 3 and have their names", () => {
  const env = variables("42", "2", "web:tls");
  assert.deepEqual(inheritedSockets(env, 42), [
    { fd: 3, name: "web" },
    { fd: 4, name: "tls" },
  ]);
});

test("children never see the variables, whoever they were for", () => {
  const ours = variables("42", "1", "web");
  inheritedSockets(ours, 42);
  assert.deepEqual(ours, { PATH: "/bin" });
  const theirs = variables("41", "1", "web");
  assert.deepEqual(inheritedSockets(theirs, 42), []);
  assert.deepEqual(theirs, { PATH: "/bin" });
  const wrong = variables("42", "1", "web:tls");
  assert.throws(() => inheritedSockets(wrong, 42));
  assert.deepEqual(wrong, { PATH: "/bin" });
});

test("a socket without a name is unknown, as systemd calls it", () => {
  assert.deepEqual(inheritedSockets(variables("42", "1"), 42), [{ fd: 3, name: "unknown" }]);
  assert.deepEqual(inheritedSockets(variables("42", "2", "web:"), 42)[1], { fd: 4, name: "" });
});

test("without sockets there are none", () => {
  assert.deepEqual(inheritedSockets({}, 42), []);
  assert.deepEqual(inheritedSockets(variables("42", "0"), 42), []);
});

for (const [pid, count, names] of [
  ["42", "two", undefined],
  ["42", "-1", undefined],
  ["42", "1e1", undefined],
  ["42", "99999", undefined],
  ["", "1", undefined],
  ["42x", "1", undefined],
  ["42", "1", "web:tls"],
  ["42", "3", "web:tls"],
] as const) {
  test(`contradictions are refused: LISTEN_PID=${pid} LISTEN_FDS=${count} LISTEN_FDNAMES=${names}`, () => {
    assert.throws(() => inheritedSockets(variables(pid, count, names), 42), /LISTEN_/);
  });
}
