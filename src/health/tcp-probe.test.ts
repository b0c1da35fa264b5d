import assert from "node:assert/strict";
import { test } from "node:test";
import { certificates } from "../../test/harness/certificates.ts";
import { rudeServer, sampleTarget } from "../../test/harness/health-sample.ts";
import { needs } from "../../test/harness/needs.ts";
import { probe, type ProbeTarget } from "./probe.ts";

const never = new AbortController().signal;
const outcome = async (target: ProbeTarget) => {
  const { isGood, text } = await probe(target, never);
  return `${isGood ? "good" : "bad"}: ${text.replace(/in \d+ ms$/, "in N ms")}`;
};
const connected = { kind: "tcp", send: undefined, expect: undefined } as const;

test("to be connected is enough, unless the check says more", async () => {
  await using server = await rudeServer(() => {});
  const target = sampleTarget(`tcp://127.0.0.1:${server.port}`, connected);
  assert.equal(await outcome(target), "good: connected in N ms");
});

test("a text is sent and another one awaited, in pieces of any size", async () => {
  await using server = await rudeServer((socket) => {
    socket.on("data", (bytes: Buffer) => {
      const answer = bytes.toString() === "PING\r\n" ? "noise\r\n+PO+PONG" : "-ERR";
      for (const letter of answer) socket.write(letter);
    });
  });
  const ask = (send: string | undefined, expect: string | undefined) =>
    outcome(
      sampleTarget(
        `tcp://127.0.0.1:${server.port}`,
        { kind: "tcp", send, expect },
        { timeout: 300 },
      ),
    );
  assert.equal(await ask("PING\r\n", "+PONG"), "good: answered in N ms");
  assert.equal(await ask("PING\r\n", undefined), "good: sent in N ms");
  assert.equal(await ask("QUIT\r\n", "+PONG"), 'bad: no answer with "+PONG" within 300ms');
});

test("a server that speaks first is heard without being asked", async () => {
  await using server = await rudeServer((socket) => socket.write("220 mail.test ESMTP\r\n"));
  const target = sampleTarget(`tcp://127.0.0.1:${server.port}`, {
    ...connected,
    expect: "220 ",
  });
  assert.equal(await outcome(target), "good: answered in N ms");
});

test("tls:// backends must also finish the handshake", { skip: needs("openssl") }, async () => {
  const { key, cert, ca } = await certificates();
  await using server = await rudeServer((socket) => socket.write("+OK"), { key, cert });
  const target = sampleTarget(`tls://127.0.0.1:${server.port}`, { ...connected, expect: "+OK" });
  assert.equal(await outcome({ ...target, tls: { ...target.tls, ca } }), "good: answered in N ms");
  assert.match(await outcome(target), /bad: TLS failed: .*certificate/);
});

test("a name is found by the system, and its address by the name", async () => {
  await using server = await rudeServer(() => {});
  const target = sampleTarget(`tcp://localhost:${server.port}`, connected);
  assert.equal(await outcome(target), "good: connected in N ms");
});
