// Real DNS servers behind a UDP listener, and a TCP listener of the same number, asked by dig and by a real
// resolver while one of them dies and comes back.

import assert from "node:assert/strict";
import { Resolver } from "node:dns/promises";
import { test } from "node:test";
import type { ServiceRow } from "../../src/admin/operations.ts";
import { eventually } from "../harness/barrier.ts";
import { type Ended, runCommand } from "../harness/command.ts";
import { controlOf } from "../harness/control.ts";
import { dnsmasqNeeds, startDnsmasq } from "../harness/dnsmasq.ts";
import { freePort } from "../harness/free-port.ts";
import { needs } from "../harness/needs.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const skip = needs(...dnsmasqNeeds, "dig");

const hosts = { "a.example.test": "10.1.2.3", "b.example.test": "10.1.2.4" };
/** More than a datagram of 512 bytes holds, less than the 1232 that dnsmasq sends at most. */
const long = Array.from({ length: 5 }, (_, nth) => String(nth).repeat(200));
const texts = { "long.example.test": long.join(",") };

/** One question, asked once. */
function dig(port: number, ...words: readonly string[]): Promise<Ended> {
  return runCommand("dig", ["@127.0.0.1", "-p", `${port}`, "+tries=1", "+time=4", ...words]);
}

/** Each from a socket of its own, so from another client in our eyes. */
async function resolve(port: number, name: string, timeout = 4000): Promise<string> {
  const resolver = new Resolver({ timeout, tries: 1 });
  resolver.setServers([`127.0.0.1:${port}`]);
  const [address = ""] = await resolver.resolve4(name);
  return address;
}

async function stateOf(program: Tidegate, url: string): Promise<string | undefined> {
  const { stdout } = await controlOf(program.control).command("services", "dns", "--json");
  const { backends } = JSON.parse(stdout) as ServiceRow;
  return backends.find((each) => each.url === url)?.state;
}

/** UDP and TCP at the same number, as DNS has it. */
async function startFront(ports: readonly number[], service: Record<string, unknown> = {}) {
  const bind = `127.0.0.1:${await freePort()}`;
  const urls = (scheme: string) => ports.map((port) => `${scheme}://127.0.0.1:${port}`);
  return startTidegate({
    config: {
      listeners: {
        dns: { bind, protocol: "udp", service: "dns" },
        "dns-tcp": { bind, protocol: "tcp", service: "dns-tcp" },
      },
      services: {
        dns: { backends: urls("udp"), balance: "round-robin", ...service },
        "dns-tcp": { backends: urls("tcp") },
      },
    },
    workers: 2,
  });
}

const check = { tcp: true, interval: "200ms", fastInterval: "100ms", timeout: "1s", fall: 2 };

test("DNS behind a UDP listener", { skip, timeout: 120_000 }, async (context) => {
  await context.test("dig gets its answers over UDP, and long ones over TCP", async () => {
    await using dns = await startDnsmasq({ hosts, texts });
    await using program = await startFront([dns.port]);
    const port = program.port("dns");
    const short = await dig(port, "+notcp", "a.example.test");
    assert.equal(short.code, 0, short.stdout);
    assert.match(short.stdout, /^a\.example\.test\.\s+\d+\s+IN\s+A\s+10\.1\.2\.3$/m);
    assert.match(short.stdout, new RegExp(`SERVER: 127\\.0\\.0\\.1#${port}\\(.*\\(UDP\\)`));
    const question = ["long.example.test", "TXT"];
    const whole = long.map((text) => `"${text}"`).join(" ");
    const big = await dig(port, "+notcp", "+ignore", "+bufsize=4096", "+short", ...question);
    assert.equal(big.stdout.trim(), whole);
    // Too long for those who take 512 bytes: told so, and they ask again over TCP.
    const cut = await dig(port, "+notcp", "+ignore", "+noedns", ...question);
    assert.match(cut.stdout, /;; flags:[^;]* tc[ ;]/);
    const again = await dig(port, "+noedns", ...question);
    assert.match(again.stdout, /Truncated, retrying in TCP mode/);
    assert.ok(again.stdout.includes(whole));
    const line = await program.waitForLog(/"method":"TCP"/);
    assert.match(line, /"service":"dns-tcp"/);
  });

  await context.test(
    "one of two servers is killed: none asks it any more once a check has seen it",
    async () => {
      await using one = await startDnsmasq({ hosts });
      await using two = await startDnsmasq({ hosts });
      await using program = await startFront([one.port, two.port], { check });
      const port = program.port("dns");
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => resolve(port, "a.example.test")),
      );
      assert.deepEqual(new Set(answers), new Set(["10.1.2.3"]));
      const asked = () => [one, two].map((each) => each.asked().length);
      await eventually(
        "both to be asked",
        () => asked().every((count) => count >= 10) || undefined,
      );

      await one.kill();
      const state = (wanted: string) =>
        eventually(
          `the state ${wanted}`,
          async () => {
            return (await stateOf(program, one.url)) === wanted || undefined;
          },
          10_000,
        );
      await state("down");
      for (let count = 0; count < 10; count++) {
        assert.equal(await resolve(port, "b.example.test"), "10.1.2.4");
        const { stdout, code } = await dig(port, "+notcp", "+short", "a.example.test");
        assert.deepEqual([code, stdout.trim()], [0, "10.1.2.3"]);
      }

      await using back = await startDnsmasq({ hosts, port: one.port });
      await state("up");
      const before = back.asked().length;
      for (let count = 0; count < 10; count++) await resolve(port, "a.example.test");
      await eventually("the one that is back to be asked", () => {
        return back.asked().length >= before + 4 || undefined;
      });
    },
  );

  await context.test(
    "one of two servers is killed: without checks at most one question in each worker is lost",
    async () => {
      await using one = await startDnsmasq({ hosts });
      await using two = await startDnsmasq({ hosts });
      const passive = { deadFor: "60s" };
      await using program = await startFront([one.port, two.port], { passive });
      const port = program.port("dns");
      for (let count = 0; count < 4; count++) await resolve(port, "a.example.test");
      await one.kill();
      let lost = 0;
      for (let count = 0; count < 20; count++) {
        await resolve(port, "a.example.test", 500).catch(() => lost++);
      }
      assert.ok(lost <= 2, `${lost} questions were lost`);
      assert.equal(await stateOf(program, one.url), "dead");
    },
  );
});
