// Guards: what a file of any size costs in memory. Each proxy sends 5 GiB (a sparse file, so that no disk is measured) to one
// client that throws them away, while its memory is read again and again.

import { connect } from "node:net";
import { within } from "../harness/deadline.ts";
import { startOrigin } from "../harness/origin.ts";
import { addSparseFile } from "../harness/site.ts";
import { Stage } from "../harness/stage.ts";
import { usageOf } from "../harness/usage.ts";
import { type Running, start } from "../peers/peer.ts";
import { filePeers } from "../peers/sites.ts";
import type { Context, Workload } from "./workload.ts";

const gibibyte = 2 ** 30;
const size = 5 * gibibyte;
const mostMb = 64;
const sampleMs = 50;
const limitMs = 120_000;

interface Sent {
  readonly proxy: string;
  readonly bytes: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly beforeKb: number;
  readonly mostKb: number;
}

export const hugeFile: Workload = {
  name: "huge-file",
  claim: `5 GiB to one client: the program takes at most ${mostMb} MB more than before`,
  limitMs: () => filePeers.length * (2 * limitMs + 30_000),
  async run(context) {
    await using stage = new Stage();
    const origin = await startOrigin(stage);
    addSparseFile(stage, "huge", size);
    const all: Sent[] = [];
    const skipped: string[] = [];
    for (const peer of peersOf(context)) {
      if (peer.version() === undefined) {
        skipped.push(`${peer.name}: not installed, skipped`);
        continue;
      }
      const running = await start(peer, stage, origin);
      // Once for the page cache and the compiler.
      await send(running);
      const sent = await send(running);
      await stage.stop(running.launched);
      context.say(`${peer.name}: ${(sent.bytes / gibibyte / sent.seconds).toFixed(2)} GiB/s`);
      all.push(sent);
    }
    const whole = all.filter(({ bytes }) => bytes >= size);
    const yardstick = whole.find(({ proxy }) => proxy === "nginx");
    return {
      columns: ["proxy", "CPU ms/GiB", "ratio to nginx", "GiB/s", "RSS MB before", "most RSS MB"],
      rows: all.map((each) => rowOf(each, yardstick)),
      notes: [...judge(whole), ...skipped],
      failures: all
        .filter((each) => !whole.includes(each))
        .map(({ proxy, bytes }) => `${proxy}: only ${bytes} of ${size} bytes came`),
      data: all,
    };
  },
};

function peersOf({ only }: Context) {
  const usual = filePeers.filter(({ name }) => name !== "nginx-cached");
  return usual.filter(({ name }) => only.length === 0 || only.includes(name));
}

async function send({ name, port, launched }: Running): Promise<Sent> {
  const before = usageOf(launched.pid);
  let mostKb = before.residentKb;
  const sampling = setInterval(() => {
    mostKb = Math.max(mostKb, usageOf(launched.pid).residentKb);
  }, sampleMs);
  const begun = performance.now();
  try {
    const bytes = await within(limitMs, "5 GiB", receivedFrom(port));
    const after = usageOf(launched.pid);
    return {
      proxy: name,
      bytes,
      seconds: (performance.now() - begun) / 1000,
      cpuSeconds: (after.cpuMicros - before.cpuMicros) / 1e6,
      beforeKb: before.residentKb,
      mostKb,
    };
  } finally {
    clearInterval(sampling);
  }
}

/** Bytes of the whole answer, its head included. */
function receivedFrom(port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let bytes = 0;
  const socket = connect({
    port,
    host: "127.0.0.1",
    onread: {
      buffer: Buffer.allocUnsafe(1 << 20),
      callback: (count) => {
        bytes += count;
        return true;
      },
    },
  });
  socket.on("connect", () =>
    socket.write("GET /huge HTTP/1.1\r\nHost: h00000.bench.test\r\nConnection: close\r\n\r\n"),
  );
  socket.on("error", reject);
  socket.on("close", () => resolve(bytes));
  return promise;
}

function rowOf(sent: Sent, yardstick: Sent | undefined): string[] {
  const cost = (each: Sent) => each.cpuSeconds / (each.bytes / gibibyte);
  return [
    sent.proxy,
    (cost(sent) * 1000).toFixed(0),
    yardstick === undefined ? "-" : (cost(sent) / cost(yardstick)).toFixed(2),
    (sent.bytes / gibibyte / sent.seconds).toFixed(2),
    (sent.beforeKb / 1024).toFixed(0),
    (sent.mostKb / 1024).toFixed(0),
  ];
}

function judge(all: readonly Sent[]): string[] {
  return all
    .filter(({ proxy }) => proxy === "tidegate")
    .map(({ beforeKb, mostKb }) => {
      const more = (mostKb - beforeKb) / 1024;
      const verdict = more <= mostMb ? "held" : "MISSED";
      return `${verdict}: ${more.toFixed(0)} MB more at most, ${mostMb} MB claimed`;
    });
}
