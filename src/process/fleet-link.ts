// The fleet, put together with the rest of the primary: marks and orders go out, those of other nodes come in,
// and the secret of cookies becomes the one that all have. Without `fleet` in the configuration it does nothing.

import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { FleetRows, NodeRow } from "../admin/operations.ts";
import type { Snapshot } from "../config/snapshot.ts";
import { Fleet } from "../fleet/fleet.ts";
import type { Order } from "../fleet/fleet-keys.ts";
import type { NodeFacts } from "../fleet/node-facts.ts";
import type { Obeying } from "../fleet/order-book.ts";
import type { Health } from "../health/health.ts";
import type { Log } from "../lib/log.ts";
import { programVersion } from "../lib/version.ts";
import type { BoundAddress } from "../listen/listening-socket.ts";
import type { Mark, StateNews } from "../upstream/state.ts";
import type { AdminListener } from "./admin-listener.ts";
import type { Primary } from "./primary.ts";
import { identityOf } from "./process-identity.ts";
import { SharedMarks } from "./shared-marks.ts";
import type { StateKeeper } from "./state-keeper.ts";

/** What an operator ordered here. */
export interface Ordered {
  readonly order: Order;
  readonly isOn: boolean;
}

export interface FleetLinkOptions {
  readonly log: Log;
  readonly mainPid: number;
  readonly state: StateKeeper;
  readonly health: Health;
  readonly primary: Primary;
  readonly admin: AdminListener;
  /** Another node ordered something, which a successor must know of. */
  onOrders(): void;
}

export class FleetLink {
  readonly #options: FleetLinkOptions;
  readonly #since = new Date().toISOString();
  readonly #program: string;
  readonly #marks: SharedMarks;
  #fleet: Fleet | undefined;
  #key = "";
  #snapshot: Snapshot | undefined;
  /** As the fleet has it. */
  #secret: string | undefined;
  #isEnded = false;
  /** Of its own findings. */
  #isDoubtful = false;
  /** One leaves before the next one comes. */
  #changing: Promise<void> = Promise.resolve();

  constructor(options: FleetLinkOptions) {
    this.#options = options;
    this.#program = programOf(options.mainPid);
    const { health } = options;
    this.#marks = new SharedMarks({
      take: (mark) => health.take(mark, undefined, "what other nodes found counts no longer"),
      backendsOf: (service) => health.backendsOf(service),
      wellOf: (service) => health.wellOf(service),
    });
  }

  /** This snapshot is live. */
  update(snapshot: Snapshot): void {
    if (this.#isEnded) return;
    this.#snapshot = snapshot;
    const key = JSON.stringify(snapshot.fleet) ?? "";
    if (key !== this.#key) {
      this.#key = key;
      this.#changing = this.#changing.then(() => this.#renew());
    }
    this.#marks.weigh();
    this.#fleet?.settle();
    this.#share();
  }

  async #renew(): Promise<void> {
    await this.#fleet?.[Symbol.asyncDispose]();
    this.#fleet = undefined;
    this.#marks.heard([]);
    const settings = this.#snapshot?.fleet;
    if (settings === undefined || this.#isEnded) return;
    this.#fleet = new Fleet({
      settings,
      log: this.#options.log,
      obeying: this.#obeying,
      facts: () => this.#facts(),
      onMarks: (marks) => this.#marks.heard(marks),
      onTakenBack: (service, backend) => this.#marks.takenBack(service, backend),
      onSecret: (secret) => {
        this.#secret = secret;
        this.#share();
      },
      secret: () => this.#options.state.offered,
    });
  }

  // --- out ---------------------------------------------------------------------------------------

  /** An operator ordered it here. */
  ordered(ordered: Ordered | undefined): void {
    if (ordered !== undefined) this.#fleet?.ordered(ordered.order, ordered.isOn);
  }

  /** Traffic here showed it. */
  shown(mark: Mark): void {
    const fleet = this.#fleet;
    if (fleet === undefined) return;
    const verdict = this.#marks.shown(mark);
    if (verdict === "tell") fleet.shown(mark);
    else if (verdict === "take all back") fleet.withdraw();
    if (mark.kind === "dead") this.#showDoubt(verdict === "take all back");
  }

  #showDoubt(isDoubtful: boolean): void {
    if (isDoubtful && !this.#isDoubtful) {
      const text = "most backends that are asked for are dead for this node: it may be cut off";
      this.#options.log.warn(`${text}, so other nodes are told of none`);
    }
    this.#isDoubtful = isDoubtful;
  }

  /** What workers are told: a check that finds a backend well takes marks back, too. */
  learn({ marks, backends }: StateNews): void {
    if (this.#fleet === undefined || this.#marks.isTaking) return;
    for (const each of marks) if (each.kind === "alive") this.shown(each);
    this.#marks.settle(new Set([...marks, ...backends].map(({ service }) => service)));
  }

  #facts(): Omit<NodeFacts, "id"> {
    const { primary, admin } = this.#options;
    const shown = (addresses: readonly BoundAddress[]) =>
      addresses.map(({ host, port }) => `${host.includes(":") ? `[${host}]` : host}:${port}`);
    return {
      program: this.#program,
      version: programVersion(),
      pid: this.#options.mainPid,
      since: this.#since,
      snapshot: this.#snapshot?.version ?? 0,
      listeners: Object.entries(primary.serving?.bound ?? {}).flatMap(([name, each]) =>
        shown(each).map((address) => `${name} ${address}`),
      ),
      admin: Object.values(admin.bound).flatMap(shown),
    };
  }

  // --- in ----------------------------------------------------------------------------------------

  get #obeying(): Obeying {
    const { log, health, onOrders } = this.#options;
    return {
      orders: () => {
        const { draining, maintenance } = health.orders();
        return [
          ...draining.map((each) => ({ kind: "drain", ...each }) as const),
          ...maintenance.map((service) => {
            return { kind: "maintenance", service, backend: undefined } as const;
          }),
        ];
      },
      obey: ({ kind, service, backend }, isOn) => {
        const isKnown =
          backend === undefined
            ? health.setMaintenance(service, isOn)
            : isOn
              ? health.drain(service, backend)
              : health.undrain(service, backend);
        if (!isKnown) return;
        log.info("an order of another node is obeyed", { order: kind, service, backend, isOn });
        onOrders();
      },
    };
  }

  #share(): void {
    const { state, primary } = this.#options;
    if (this.#secret === undefined || this.#snapshot?.fleet === undefined) return;
    if (state.share(this.#secret, this.#snapshot.stateFolder)) void primary.rediscover();
  }

  // --- for operators -----------------------------------------------------------------------------

  rows(): FleetRows | undefined {
    const fleet = this.#fleet;
    const settings = this.#snapshot?.fleet;
    if (fleet === undefined || settings === undefined) return undefined;
    const { state, trouble, since, heardAt, lag } = fleet.state;
    const seen = heardAt === 0 ? undefined : new Date(heardAt).toISOString();
    const own: NodeRow = {
      ...{ name: settings.node, isSelf: true, state: "up", seen: new Date().toISOString() },
      ...shownFacts(this.#facts()),
    };
    const others = fleet.nodes
      .filter(({ name, facts }) => name !== settings.node || facts.program !== this.#program)
      .map(({ name, facts, goneSince }): NodeRow => {
        const at = goneSince === undefined ? seen : new Date(goneSince).toISOString();
        // What was heard before etcd went away may be otherwise by now.
        const known = state === "joined" ? "up" : "unknown";
        return {
          ...{ name, isSelf: false, state: goneSince === undefined ? known : "gone", seen: at },
          ...shownFacts(facts),
        };
      });
    return {
      ...{ prefix: settings.server.prefix, endpoints: settings.server.endpoints },
      ...{ state, trouble, since: new Date(since).toISOString(), seen, lag },
      nodes: [own, ...others],
    };
  }

  async end(): Promise<void> {
    this.#isEnded = true;
    await this.#changing;
    await this.#fleet?.[Symbol.asyncDispose]();
    this.#fleet = undefined;
  }
}

function shownFacts(facts: Omit<NodeFacts, "id">) {
  const { version, pid, since, snapshot, listeners, admin } = facts;
  return { version, pid, since, snapshot, listeners, admin };
}

/** The same for a primary and its successors, and for nobody else on any host. */
function programOf(mainPid: number): string {
  return `${hostname()} ${bootId()} ${identityOf(mainPid) ?? mainPid}`;
}

function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  } catch {
    return ""; // no Linux
  }
}
