// Guards: of a thousand who ask for a cold key at once, one reaches the origin, and all have their answer soon after its end.
// The origin and the clients are in the bench's own process, so that one clock says when either had its last byte.

import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type Socket } from "node:net";
import { within } from "../harness/deadline.ts";
import { Stage } from "../harness/stage.ts";
import { pileFloor, pilePeers } from "../peers/caches.ts";
import { type Running, start } from "../peers/peer.ts";
import type { Workload } from "./workload.ts";

const clients = 1000;
const bodyBytes = 10_000;
/** How long the origin takes for a cold key, ms. */
const slowness = 1000;
const mostAfter = 50;

interface Pile {
  readonly proxy: string;
  readonly round: number;
  /** Requests that reached the origin. */
  readonly asked: number;
  readonly answered: number;
  /** From the origin's last byte to that of the last client, ms; and of the one in the middle. */
  readonly last: number;
  readonly middle: number;
}

export const dogPile: Workload = {
  name: "dog-pile",
  claim:
    `of ${clients} clients that ask for a cold key at once, one reaches the origin, over two workers, and ` +
    `all are answered within ${mostAfter} ms of its end`,
  limitMs: ({ rounds }) => 60_000 + rounds * pilePeers.length * 10_000,
  async run({ rounds, only, say }) {
    await using stage = new Stage();
    await using origin = await countingOrigin();
    const piles: Pile[] = [];
    const named = pilePeers.filter(
      ({ name }) => only.length === 0 || only.includes(name.split(" ")[0] ?? name),
    );
    const chosen = [pileFloor, ...named];
    for (const peer of chosen) {
      if (peer.version() === undefined) {
        say(`${peer.name} is not installed`);
        continue;
      }
      const running = await start(peer, stage, origin);
      for (let round = 0; round < rounds; round++) {
        const pile = {
          proxy: peer.name,
          round,
          ...(await pileOn(running, `/pile${round}`, origin)),
        };
        say(`${peer.name}: ${pile.asked} asked, ${pile.last.toFixed(1)} ms`);
        piles.push(pile);
      }
      await stage.stop(running.launched);
    }
    return {
      columns: [
        ...["proxy", "at the origin", "answered", "ms after its end: middle", "last"],
        "last, median of rounds",
      ],
      rows: chosen.map(({ name }) =>
        rowOf(
          piles.filter(({ proxy }) => proxy === name),
          name,
        ),
      ),
      notes: [judge(piles), floorOf(piles)],
      failures: piles
        .filter(({ answered }) => answered < clients)
        .map(({ proxy, answered }) => `${proxy}: ${answered} of ${clients} answered`),
      data: piles,
    };
  },
};

function rowOf(piles: readonly Pile[], name: string): string[] {
  const most = (of: (pile: Pile) => number) => Math.max(0, ...piles.map(of));
  return [
    name,
    String(most(({ asked }) => asked)),
    String(Math.min(...piles.map(({ answered }) => answered))),
    most(({ middle }) => middle).toFixed(1),
    most(({ last }) => last).toFixed(1),
    medianOf(piles.map(({ last }) => last)).toFixed(1),
  ];
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}

/** Clients, origin and kernel need most of the time: how much, on this machine and just now. */
function floorOf(piles: readonly Pile[]): string {
  const lastOf = (name: string) =>
    medianOf(piles.filter(({ proxy }) => proxy === name).map(({ last }) => last));
  const [floor, ours] = [lastOf(pileFloor.name), lastOf("tidegate (2)")];
  const told = `a server that only writes prepared bytes to all takes ${floor.toFixed(1)} ms (median)`;
  return ours === 0 ? told : `${told}; ours ${(ours / floor).toFixed(1)} times that`;
}

function judge(piles: readonly Pile[]): string {
  const ours = piles.filter(({ proxy }) => proxy === "tidegate (2)");
  if (ours.length === 0) return "not run: ours was left out";
  const last = Math.max(...ours.map((pile) => pile.last));
  const asked = Math.max(...ours.map((pile) => pile.asked));
  const isHeld = asked === 1 && last <= mostAfter;
  return `${isHeld ? "held" : "MISSED"}: ${asked} at the origin, all answered ${last.toFixed(1)} ms after its end`;
}

interface CountingOrigin extends AsyncDisposable {
  readonly port: number;
  asked: number;
  /** `performance.now()` when the last byte of a slow answer left. */
  endedAt: number;
}

async function countingOrigin(): Promise<CountingOrigin> {
  const body = Buffer.alloc(bodyBytes, "x");
  const server = createServer((request, response) => {
    const isCold = request.url?.startsWith("/pile") === true;
    if (isCold) origin.asked++;
    setTimeout(
      () => {
        response.setHeader("Content-Length", body.length).end(body);
        if (isCold) origin.endedAt = performance.now();
      },
      isCold ? slowness : 0,
    );
  });
  server.listen(0, "127.0.0.1", 4096);
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the origin has no port");
  const { port } = address;
  const origin: CountingOrigin = {
    ...{ port, asked: 0, endedAt: 0 },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
  return origin;
}

async function pileOn(
  { port }: Running,
  path: string,
  origin: CountingOrigin,
): Promise<Omit<Pile, "proxy" | "round">> {
  origin.asked = 0;
  const sockets = await Promise.all(Array.from({ length: clients }, () => opened(port)));
  const head = `GET ${path} HTTP/1.1\r\nHost: bench.test\r\n\r\n`;
  const ends = sockets.map((socket) => answeredAt(socket));
  for (const socket of sockets) socket.write(head);
  const all = await within(30_000, "all answers", Promise.all(ends));
  for (const socket of sockets) socket.destroy();
  const after = all
    .filter((end) => end > 0)
    .map((end) => end - origin.endedAt)
    .toSorted((one, other) => one - other);
  return {
    asked: origin.asked,
    answered: after.length,
    last: after.at(-1) ?? 0,
    middle: after[Math.floor(after.length / 2)] ?? 0,
  };
}

async function opened(port: number): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  await once(socket, "connect");
  return socket;
}

/** `performance.now()` of its last byte; 0 = it never came. */
function answeredAt(socket: Socket): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  let received = 0;
  let wanted = 0;
  socket.on("data", (bytes: Buffer) => {
    if (received === 0) wanted = bytes.indexOf("\r\n\r\n") + 4 + bodyBytes;
    received += bytes.length;
    if (received >= wanted) resolve(performance.now());
  });
  socket.on("error", () => resolve(0));
  socket.on("close", () => resolve(0));
  return promise;
}
