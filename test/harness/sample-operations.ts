// An implementation of Operations that does what it says to itself only: state changes, calls are noted,
// and the next outcome can be set. For tests of what speaks to operators; the real one runs processes.

import type { Access } from "../../src/admin/access.ts";
import type {
  AlertTest,
  CachePurge,
  CacheRow,
  CertificateRow,
  DiscoveryRows,
  Explained,
  FleetRows,
  Operations,
  Outcome,
  ServiceRow,
  Status,
} from "../../src/admin/operations.ts";
import type { Question } from "../../src/explain/explanation.ts";
import { LogRing } from "../../src/lib/log-ring.ts";
import { SampleMeasures } from "./sample-measures.ts";
import { SampleConfiguration } from "./sample-configuration.ts";
import { SampleTraffic } from "./sample-traffic.ts";
import { serviceRow } from "./sample-services.ts";

const counts = { connections: 3, exchanges: 2, tunnels: 1, answered: 12345 };

export class SampleOperations implements Operations {
  readonly log = new LogRing();
  readonly configuration = new SampleConfiguration();
  readonly measures = new SampleMeasures();
  readonly traffic = new SampleTraffic();
  who: Access = { kind: "closed", why: "there is no store" };
  readonly calls: string[] = [];
  /** What the next actions say; a promise that stays open is an action that takes its time. */
  next: Outcome | Promise<Outcome> = { ok: true, message: "done" };
  state: Status["state"] = "serving";
  size: number | "auto" = 2;
  problems: Status["problems"] = [];
  open = counts;
  pid = process.pid;
  mainPid = process.pid;
  /** What services() gives; actions leave it as it is. */
  rows: readonly ServiceRow[] | Promise<readonly ServiceRow[]> = [serviceRow("shop")];
  found: DiscoveryRows = { providers: [], findings: [], refusals: [] };
  channels: AlertTest["channels"] = [{ channel: "ntfy", ok: true, text: "200" }];
  onStop = () => {};

  access = () => this.who;
  middlewares = () => [
    { kind: "cors", summary: "Says who may ask.", page: "cors", uses: 1, owners: ["route shop"] },
  ];
  settings = () => ({ limits: { headBytes: 65_536 } });

  status(): Status {
    const wanted = this.size === "auto" ? 8 : this.size;
    return {
      version: "0.1.0",
      pid: this.pid,
      mainPid: this.mainPid,
      node: process.version,
      state: this.state,
      uptime: 3_723_000,
      config: undefined,
      snapshot: { version: 7, routes: 1, since: "2026-11-21T06:00:00.000Z" },
      problems: this.problems,
      failedTests: [],
      store: undefined,
      silent: [],
      listeners: [{ name: "web", addresses: [{ host: "::", port: 8080 }] }],
      workers: { wanted, live: wanted, leaving: 0 },
      counts: this.open,
      memory: 210 * 1024 * 1024,
    };
  }

  routes = () => [
    {
      name: "www",
      rule: "Host(`a.test`)",
      service: undefined,
      backends: ["http://127.0.0.1:1"],
      origin: "t.yaml:1:1",
    },
  ];

  workers = () => [
    {
      pid: 4711,
      slot: 0,
      state: "live" as const,
      since: "2026-11-21T06:00:00.000Z",
      snapshot: 7,
      memory: 70 * 1024 * 1024,
      counts,
      reason: undefined,
    },
  ];

  services = () => Promise.resolve(this.rows);
  explained: Explained = { kind: "failed", message: "nothing is served yet" };
  explain = ({ method, url }: Question): Promise<Explained> => {
    this.calls.push(`explain ${method} ${url}`);
    return Promise.resolve(this.explained);
  };
  cacheRows: readonly CacheRow[] = [];
  caches = () => Promise.resolve(this.cacheRows);
  purgeCache = ({ kind, value }: CachePurge) => this.#note(`purge ${kind} ${value}`);
  discovery = () => this.found;
  fleet: FleetRows | undefined;
  nodes = () => this.fleet;
  certificateRows: readonly CertificateRow[] = [];
  certificates = () => this.certificateRows;
  ownAuthority: string | undefined;
  authority = () => this.ownAuthority;
  renewCertificate = (certificate: string) => this.#note(`renew ${certificate}`);
  pause = (service: string) => this.#note(`pause ${service}`);
  drainBackend = (service: string, backend: string) => this.#note(`drain ${service} ${backend}`);
  setMaintenance = (service: string, isOn: boolean) =>
    this.#note(`maintenance ${service} ${isOn ? "on" : "off"}`);

  release(service: string, backend: string | undefined): Promise<Outcome> {
    return this.#note(`release ${service}${backend === undefined ? "" : ` ${backend}`}`);
  }

  async testAlert(): Promise<AlertTest> {
    return { ...(await this.#note("alert test")), channels: this.channels };
  }

  reload = () => this.#note("reload");
  restart = () => this.#note("restart");
  upgrade = () => this.#note("upgrade");

  async resize(size: number | "auto"): Promise<Outcome> {
    const outcome = await this.#note(`resize ${size}`);
    if (outcome.ok) this.size = size;
    return outcome;
  }

  async drain(): Promise<Outcome> {
    const outcome = await this.#note("drain");
    if (outcome.ok) this.state = "draining";
    return outcome;
  }

  async resume(): Promise<Outcome> {
    const outcome = await this.#note("resume");
    if (outcome.ok) this.state = "serving";
    return outcome;
  }

  stop(): void {
    this.calls.push("stop");
    this.state = "stopping";
    this.onStop();
  }

  retire(): Outcome {
    this.calls.push("retire");
    return { ok: false, message: "has its supervisor" };
  }

  #note(call: string): Promise<Outcome> {
    this.calls.push(call);
    return Promise.resolve(this.next);
  }
}
