// The data plane inside the test's own process, with services as discovery makes them: what no configuration
// file can say, such as a service whose container is stopped. Everything below the snapshot is real.

import { readFile } from "node:fs/promises";
import { emptyService } from "../../src/config/empty-service.ts";
import { readConfig } from "../../src/config/read.ts";
import type {
  AbsentBackend,
  AddressedService,
  Backend,
  BackendService,
  Service,
} from "../../src/config/service.ts";
import type { Snapshot } from "../../src/config/snapshot.ts";
import type { Log } from "../../src/lib/log.ts";
import { ListeningSocket } from "../../src/listen/listening-socket.ts";
import { DataPlane } from "../../src/process/data-plane.ts";
import type { ServiceLoad } from "../../src/upstream/state.ts";
import { tempFolder } from "./temp-folder.ts";

export interface PlaneStand extends AsyncDisposable {
  /** Where every host and path goes to the service `shop`. */
  readonly port: number;
  /** The same for connections as they are, of the service `raw`, if there is one at the start. */
  readonly streamPort: number;
  /** Services that were wanted so far. */
  readonly wanted: readonly string[];
  /** Warnings and errors. */
  readonly told: readonly string[];
  apply(...services: readonly Service[]): Promise<void>;
  load(service?: string): ServiceLoad;
  /** The codes of what failed, in the order of the access log, once the plane has ended. */
  end(): Promise<readonly string[]>;
}

export async function planeStand(...first: readonly Service[]): Promise<PlaneStand> {
  const folder = await tempFolder("tidegate-plane-");
  const wanted: string[] = [];
  const told: string[] = [];
  const tell = (text: string, fields: object = {}) =>
    void told.push(`${text} ${JSON.stringify(fields)}`);
  const log: Log = { debug() {}, info() {}, warn: tell, error: tell };
  const hasStream = first.some(({ name }) => name === "raw");
  const snapshotOf = (services: readonly Service[], version: number): Snapshot => {
    const text = JSON.stringify({
      listeners: {
        web: "127.0.0.1:0",
        ...(hasStream ? { tcp: { bind: "127.0.0.1:0", protocol: "tcp", service: "raw" } } : {}),
      },
      accessLog: { format: "$failure $status", path: folder.file("access.log") },
      shutdown: { grace: "100ms", tunnelGrace: "0s" },
      routes: { "*": { service: "shop" } },
      services: { shop: "http://127.0.0.1:1", raw: "tcp://127.0.0.1:1" },
    });
    const reading = readConfig(text, { file: "test.json", baseFolder: folder.path });
    if (reading.snapshot === undefined) throw new Error(JSON.stringify(reading.problems));
    const own = services.map((each) => [each.name, each] as const);
    const all = new Map([...reading.snapshot.services, ...own]);
    return { ...reading.snapshot, services: all, version, secret: "5ec2e7" };
  };
  let version = 1;
  const plane = await DataPlane.start(snapshotOf(first, version), {
    log,
    states: { backends: [], services: [], marks: [] },
    onMark() {},
    onSession() {},
    onWanted: (service) => void wanted.push(service),
    onAskedName: () => {},
    sockets: {
      socketsOf: async ({ address }) => [
        ListeningSocket.open(address, { isShared: false, isTakeOver: false }),
      ],
    },
  });
  let ended: Promise<readonly string[]> | undefined;
  const end = () => (ended ??= finish());
  const finish = async () => {
    const signal = AbortSignal.timeout(5000);
    await plane.drain({ grace: 100, tunnelGrace: 0, isPatient: false, signal });
    const text = await readFile(folder.file("access.log"), "utf8");
    await folder[Symbol.asyncDispose]();
    return text.trim().split("\n");
  };
  return {
    port: plane.bound["web"]?.[0]?.port ?? 0,
    streamPort: plane.bound["tcp"]?.[0]?.port ?? 0,
    wanted,
    told,
    apply: (...services) => plane.apply(snapshotOf(services, ++version)),
    load(service = "shop") {
      const load = plane.loads.find((each) => each.service === service);
      if (load === undefined) throw new Error(`nothing is known of ${service}`);
      return load;
    },
    end,
    async [Symbol.asyncDispose]() {
      await end();
    },
  };
}

const origin = { provider: "docker", place: "docker container web1" };

/** As discovery makes it: of containers that can be used, and others. */
export function foundService(
  settings: Partial<Omit<BackendService, "backends" | "absent">> & {
    readonly ports?: readonly number[];
    readonly absent?: readonly AbsentBackend["state"][];
    readonly protocol?: Backend["protocol"];
  } = {},
): BackendService {
  const { ports = [], absent = [], protocol = "http", ...rest } = settings;
  return {
    ...emptyService(settings.name ?? "shop", origin),
    backends: ports.map((port) => ({
      url: `${protocol}://127.0.0.1:${port}`,
      protocol,
      secure: false,
      address: { kind: "tcp", host: "127.0.0.1", port },
      basePath: "",
      authority: `127.0.0.1:${port}`,
      weight: 1,
      tier: 0,
    })),
    absent: absent.map((state, at) => ({ name: `web${at + 1}`, state, why: `it is ${state}` })),
    ...rest,
  };
}

export function addressedService(
  members: AddressedService["members"],
  settings: Partial<AddressedService["settings"]> = {},
): AddressedService {
  return {
    kind: "addressed",
    name: "shop",
    origin,
    maintenance: undefined,
    members,
    settings: { rewrites: [], nameInPathOf: undefined, ...settings },
  };
}
