// The data plane inside the test's own process, so that a test can count what is left when everything is
// over: leased connections, armed deadlines, sockets. It is the real one, on real sockets; the only thing
// added is that pools and deadlines are noted as they are first used.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, mock } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { noCredentials, type Credentials } from "../../src/config/certificate.ts";
import { readConfig } from "../../src/config/read.ts";
import type { Snapshot } from "../../src/config/snapshot.ts";
import type { Log } from "../../src/lib/log.ts";
import { type Deadline, Wheel } from "../../src/lib/wheel.ts";
import { ListeningSocket } from "../../src/listen/listening-socket.ts";
import { DataPlane } from "../../src/process/data-plane.ts";
import { LiveBackend } from "../../src/upstream/live-backend.ts";
import type { Pooled } from "../../src/upstream/pooled.ts";
import { Pool } from "../../src/upstream/pool.ts";
import { eventually } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { type TempFolder, tempFolder } from "../harness/temp-folder.ts";

export type Config = Readonly<Record<string, unknown>>;

export interface Line {
  readonly status: number;
  readonly failure?: string;
  readonly target?: string;
  readonly [name: string]: unknown;
}

/** What exchanges hold while they run. */
export interface Usage {
  readonly leases: number;
  /** Exchanges that backends are said to carry, or that are held for one. */
  readonly carried: number;
  /** Owners of armed deadlines. */
  readonly deadlines: readonly string[];
  /** Open connections of the proxy and of the test, beyond those that are idle in a pool. */
  readonly sockets: number;
}

export interface Plane extends AsyncDisposable {
  readonly plane: DataPlane;
  readonly port: number;
  /** What the diagnostics log was told. */
  readonly told: readonly string[];
  /** Goes over to another configuration. */
  apply(config: Config): Promise<void>;
  /** A plain request on a connection of its own is answered with 200. */
  assertServes(path?: string): Promise<void>;
  readonly usage: Usage;
  /** Waits until no exchange has left anything: no lease, no armed deadline, no socket. */
  assertNothingLeft(): Promise<void>;
  /** Ends the plane and returns its access log. */
  end(): Promise<Line[]>;
}

/** Short, so that a test of a timeout is; long beside what one exchange takes here. */
export const timeouts = {
  head: "3s",
  idle: "3s",
  body: "3s",
  connect: "3s",
  response: "3s",
  responseBody: "3s",
  tunnel: "3s",
};

type AnyPool = Pool<Pooled>;

const pools = new Set<AnyPool>();
const deadlines = new Set<Deadline>();

const { open } = Pool.prototype;
const { arm } = Wheel.prototype;
mock.method(Pool.prototype, "open", function (this: AnyPool, ...args: Parameters<typeof open>) {
  pools.add(this);
  open.apply(this, args);
});
mock.method(Wheel.prototype, "arm", function (this: Wheel, ...args: Parameters<typeof arm>) {
  deadlines.add(args[0]);
  arm.apply(this, args);
});
after(() => mock.restoreAll());

export async function startPlane(
  config: Config,
  credentials: Credentials = noCredentials,
): Promise<Plane> {
  const folder = await tempFolder("tidegate-faults-");
  const told: string[] = [];
  const tell =
    (level: string) =>
    (text: string, fields: object = {}) =>
      void told.push(`${level}: ${text} ${JSON.stringify(fields)}`);
  const log: Log = {
    debug: tell("debug"),
    info: tell("info"),
    warn: tell("warn"),
    error: tell("error"),
  };
  let version = 1;
  const plane = await DataPlane.start(snapshotOf(config, { folder, version, credentials }), {
    log,
    states: { backends: [], services: [], marks: [] },
    onMark: () => {},
    onSession: () => {},
    onWanted: () => {},
    onAskedName: () => {},
    sockets: {
      socketsOf: async ({ address }) => [
        ListeningSocket.open(address, { isShared: false, isTakeOver: false }),
      ],
    },
  });
  const port = plane.bound["web"]?.[0]?.port ?? 0;
  const baseline = sockets();
  let ended: Promise<Line[]> | undefined;
  const end = () => (ended ??= finish(plane, folder));
  return {
    plane,
    port,
    told,
    apply: (next) => plane.apply(snapshotOf(next, { folder, version: ++version, credentials })),
    async assertServes(path = "/alive") {
      await using client = await connect(port);
      await client.send(`GET ${path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`);
      const { status, body } = await client.readResponse();
      assert.equal(status, 200, body);
      await client.waitClose();
    },
    get usage() {
      return usage(plane, baseline);
    },
    assertNothingLeft: () => nothingLeft(plane, baseline),
    end,
    async [Symbol.asyncDispose]() {
      await end();
      pools.clear();
      deadlines.clear();
    },
  };
}

interface Made {
  readonly folder: TempFolder;
  readonly version: number;
  readonly credentials: Credentials;
}

function snapshotOf(config: Config, { folder, version, credentials }: Made): Snapshot {
  const text = JSON.stringify({
    listeners: { web: "127.0.0.1:0" },
    accessLog: { format: "json", path: folder.file("access.log") },
    shutdown: { grace: "1s", tunnelGrace: "0s" },
    timeouts,
    ...config,
  });
  const { snapshot, problems } = readConfig(text, { file: "test.json", baseFolder: folder.path });
  if (snapshot === undefined) throw new Error(problems.map((each) => each.message).join("\n"));
  return { ...snapshot, version, secret: "", credentials };
}

async function finish(plane: DataPlane, folder: TempFolder): Promise<Line[]> {
  const { shutdown } = plane.snapshot;
  const signal = AbortSignal.timeout(5000);
  await plane.drain({ ...shutdown, isPatient: false, signal });
  const text = await readFile(folder.file("access.log"), "utf8").catch(() => "");
  await folder[Symbol.asyncDispose]();
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
}

/** Open TCP connections of this process: the plane's and the test's own. */
function sockets(): number {
  return process.getActiveResourcesInfo().filter((each) => each === "TCPSocketWrap").length;
}

function usage(plane: DataPlane, baseline: number): Usage {
  const idle = [...pools].reduce((sum, each) => sum + each.idleCount, 0);
  return {
    leases: [...pools].reduce((sum, each) => sum + each.busyCount + each.waitingCount, 0),
    carried: plane.loads.reduce(
      (sum, { held, backends }) =>
        backends.reduce((carried, { inFlight }) => carried + inFlight, sum + held),
      0,
    ),
    deadlines: [...deadlines]
      // How long a backend is dead is no exchange's.
      .filter((each) => each.due > 0 && !(each.owner instanceof LiveBackend))
      .map((each) => each.owner?.constructor.name ?? "released"),
    // An idle connection is a socket here, and one more in the origin, which lives in this process too.
    sockets: sockets() - baseline - 2 * idle,
  };
}

async function nothingLeft(plane: DataPlane, baseline: number): Promise<void> {
  const nothing: Usage = { leases: 0, carried: 0, deadlines: [], sockets: 0 };
  try {
    await eventually("nothing to be left", () =>
      isDeepStrictEqual(usage(plane, baseline), nothing) ? true : undefined,
    );
  } catch (error) {
    throw new Error(`left over: ${JSON.stringify(usage(plane, baseline))}`, { cause: error });
  }
}

/** Runs the work for each item, a few at a time. */
export async function each<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.entries();
  const worker = async (): Promise<void> => {
    for (const [, item] of rest) await work(item);
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
}

export const numbers = (count: number): number[] =>
  Array.from({ length: count }, (_, index) => index);
