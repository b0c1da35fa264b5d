// TCP listeners of a configuration inside the test's own process, on real sockets, with the real services
// behind them: everything but the processes and the HTTP half of the program.

import { noCredentials } from "../../src/config/certificate.ts";
import { readConfig } from "../../src/config/read.ts";
import type { Snapshot } from "../../src/config/snapshot.ts";
import { Tally } from "../../src/lib/tally.ts";
import { Wheel } from "../../src/lib/wheel.ts";
import { Addresses } from "../../src/listen/addresses.ts";
import { ListeningSocket } from "../../src/listen/listening-socket.ts";
import { Port } from "../../src/listen/port.ts";
import { StreamListener } from "../../src/listen/stream-listener.ts";
import { Destinations } from "../../src/proxy/destinations.ts";
import type { StreamRecord } from "../../src/stream/stream-context.ts";
import { ServerTls } from "../../src/tls/server-tls.ts";
import { Caps } from "../../src/upstream/caps.ts";
import { eventually } from "./barrier.ts";
import { origin, type Origin } from "./origin.ts";

type Config = Record<string, unknown>;

export interface StreamStand extends AsyncDisposable {
  readonly port: number;
  readonly listener: StreamListener;
  readonly destinations: Destinations;
  /** What became of streams so far. */
  readonly records: readonly StreamRecord[];
  readonly problems: readonly string[];
  /** The next record that nobody has waited for yet. */
  record(): Promise<StreamRecord>;
  /** Open connections, counted as limits count them. */
  readonly counted: number;
  /** Deadlines that stand in the wheel. */
  readonly deadlines: number;
  update(config: Config): void;
}

/** @param config its listener `tcp` is the one that is opened, on a port of the system's choice */
export function streamStand(config: Config, credentials = noCredentials): StreamStand {
  const wheel = new Wheel(20);
  const tally = new Tally();
  const records: StreamRecord[] = [];
  const problems: string[] = [];
  let taken = 0;
  let version = 0;
  const snapshot = { ...snapshotOf(config, ++version), credentials };
  const tls = new ServerTls(() => {});
  tls.take(snapshot);
  const destinations = new Destinations({
    wheel,
    caps: new Caps(tally),
    onMark() {},
    onSession() {},
    onWanted() {},
  });
  let prepared = destinations.prepare(snapshot);
  destinations.commit(prepared);
  const addresses = new Addresses(snapshot.limits, tally);
  const listener = new StreamListener({
    settings: settingsOf(snapshot),
    snapshot,
    wheel,
    addresses,
    tls,
    destinationOf: (name) => prepared.find(name),
    onEnd: (record) => records.push(record),
    onProblem: (message, fields) => problems.push(`${message} ${JSON.stringify(fields)}`),
  });
  const address = settingsOf(snapshot).bind[0];
  if (address === undefined) throw new Error("the listener has no address");
  const socket = ListeningSocket.open(address, { isShared: false, isTakeOver: false });
  const port = new Port(address, socket.bound, listener);
  port.use([socket]);
  return {
    port: socket.bound.port,
    listener,
    destinations,
    records,
    problems,
    get counted() {
      return addresses.total;
    },
    get deadlines() {
      return wheel.size;
    },
    async record() {
      const index = taken++;
      return eventually(`record ${index}`, () => records[index]);
    },
    update(next) {
      const fresh = { ...snapshotOf(next, ++version), credentials };
      prepared = destinations.prepare(fresh);
      destinations.commit(prepared);
      addresses.limits = fresh.limits;
      tls.take(fresh);
      listener.update(settingsOf(fresh), fresh);
    },
    async [Symbol.asyncDispose]() {
      port.close();
      listener.drain();
      listener.cut(() => true);
      destinations[Symbol.dispose]();
      await eventually("no connection to be left", () =>
        listener.connectionCount === 0 && addresses.total === 0 ? true : undefined,
      );
    },
  };
}

function snapshotOf(config: Config, version: number): Snapshot {
  const { listeners, ...rest } = config;
  const text = JSON.stringify({
    listeners: {
      tcp: { bind: "127.0.0.1:0", protocol: "tcp", ...((listeners as Config)?.["tcp"] as Config) },
    },
    ...rest,
  });
  const { snapshot, problems } = readConfig(text, { file: "test.json", baseFolder: "/" });
  if (snapshot === undefined) throw new Error(problems.map((each) => each.message).join("\n"));
  return { ...snapshot, version, secret: "00" };
}

function settingsOf(snapshot: Snapshot) {
  const found = snapshot.listeners.find(({ name }) => name === "tcp");
  if (found === undefined) throw new Error("there is no listener tcp");
  return found;
}

/** An origin that gives back what it gets, and ends when its client does. */
export async function echo(): Promise<Origin> {
  return origin({
    onConnection: ({ socket }) => {
      socket.pipe(socket);
    },
  });
}

/** A port where nobody listens. */
export async function nobody(): Promise<number> {
  const gone = await origin();
  const { port } = gone;
  await gone[Symbol.asyncDispose]();
  return port;
}
