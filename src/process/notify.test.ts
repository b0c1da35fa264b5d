import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { findCommand, needs } from "../../test/harness/needs.ts";
import { eventually } from "../../test/harness/barrier.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import type { Log } from "../lib/log.ts";
import { notifier } from "./notify.ts";

/** Prints every datagram with its lines joined by `|`; Node.js itself cannot receive any. */
const receiver = `
  use IO::Socket::UNIX; $| = 1;
  my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die "no socket";
  print "open\\n"; alarm 30;
  while (defined $socket->recv(my $text, 8192)) { $text =~ s/\\n/|/g; print "$text\\n"; }
`;

function quiet(warnings: unknown[]): Log {
  const nothing = () => {};
  return {
    debug: nothing,
    info: nothing,
    error: nothing,
    warn: (text, fields) => void warnings.push([text, fields]),
  };
}

test(
  "what is said reaches a real datagram socket in order, and a storm becomes one message",
  { skip: needs("systemd-notify", "perl") },
  async () => {
    await using folder = await tempFolder();
    const path = folder.file("notify");
    const child = spawn("perl", ["-e", receiver, path], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(child, "exit");
    try {
      let heard = "";
      child.stdout.on("data", (bytes: Buffer) => (heard += bytes.toString()));
      await eventually("the receiver", () => (heard.includes("open") ? true : undefined));
      const warnings: unknown[] = [];
      const env: NodeJS.ProcessEnv = { ...process.env, NOTIFY_SOCKET: path };
      const said = notifier(env, quiet(warnings));
      assert.equal(env["NOTIFY_SOCKET"], undefined, "children do not see the socket");
      await said.ready("serving 3 routes");
      await said.status("two\nlines");
      await said.reloading();
      await said.reloading(true);
      const busy = said.status("first");
      await setImmediate();
      for (let count = 0; count < 100; count += 1) void said.status(`change ${count}`);
      await Promise.all([busy, said.stopping("draining")]);
      const lines = heard.split("\n").filter((line) => !/^(open|BARRIER=1|)$/.test(line));
      assert.deepEqual(lines, [
        "READY=1|STATUS=serving 3 routes",
        "STATUS=two lines",
        "STATUS=reading the configuration",
        "STATUS=serving 3 routes",
        "STATUS=first",
        "STATUS=draining|STOPPING=1",
      ]);
      assert.deepEqual(warnings, []);
    } finally {
      child.kill("SIGKILL");
      await ended;
    }
  },
);

test("without a socket nothing is started", async () => {
  const warnings: unknown[] = [];
  // With an empty PATH any attempt would fail and warn.
  await notifier({ PATH: "" }, quiet(warnings)).ready("serving");
  assert.deepEqual(warnings, []);
});

test("a missing program, or a socket that is gone, is a warning and nothing else", async () => {
  const warnings: unknown[] = [];
  await notifier({ PATH: "", NOTIFY_SOCKET: "/nowhere/notify" }, quiet(warnings)).ready("serving");
  assert.equal(warnings.length, 1);
  if (findCommand("systemd-notify") === undefined) return;
  const env = { ...process.env, NOTIFY_SOCKET: "/nowhere/notify" };
  await notifier(env, quiet(warnings)).stopping("ends");
  assert.equal(warnings.length, 2);
});
