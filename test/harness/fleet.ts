// Two nodes and an etcd on three hosts, a load on each node from its own host, so that it goes on when the cable
// is cut, and two origins that both nodes reach. Guard the test with `needsRoot() || needs(...fleetNeeds)`.

import type { FleetRows } from "../../src/admin/operations.ts";
import { readNodes } from "../../src/admin/nodes-answer.ts";
import { readServices } from "../../src/admin/answers.ts";
import { askControl } from "../../src/admin/control-client.ts";
import { ask } from "./ask.ts";
import { eventually } from "./barrier.ts";
import type { Response } from "./client.ts";
import { type Control, controlOf } from "./control.ts";
import { type Etcd, etcdNeeds, startEtcd } from "./etcd.ts";
import { LiveOrigin } from "./live-origin.ts";
import { namespaceNeeds, type NetHost, startNamespaces } from "./namespaces.ts";
import { type SteadyLoad, startLoad } from "./steady-load.ts";
import { startTidegate, type Tidegate } from "./tidegate.ts";

export const fleetNeeds = [...etcdNeeds, ...namespaceNeeds];

export interface FleetNode {
  readonly name: string;
  readonly host: NetHost;
  readonly program: Tidegate;
  readonly load: SteadyLoad;
  readonly control: Control;
  /** A request for app.test from outside. */
  ask(headers?: Readonly<Record<string, string>>): Promise<Response>;
  /** As it sees its fleet. */
  fleet(): Promise<FleetRows>;
  /** Of a backend, or of the service, as `tidegate services` shows it. */
  stateOf(backend?: LiveOrigin): Promise<string>;
  /** Until it is that. */
  shows(state: string, backend?: LiveOrigin, ms?: number): Promise<void>;
  /** Until it is joined, with that many nodes that are up. */
  joined(up?: number, ms?: number): Promise<void>;
  /** Until it knows that etcd does not answer. */
  away(): Promise<void>;
}

export interface FleetStand extends AsyncDisposable {
  readonly etcd: Etcd;
  readonly one: FleetNode;
  readonly two: FleetNode;
  readonly a: LiveOrigin;
  readonly b: LiveOrigin;
  /** Where both are, and nothing else. */
  readonly origins: string;
  /** A further program, on a host that is there already. */
  start(name: string, host: NetHost, load: SteadyLoad): Promise<FleetNode>;
}

export const service = "pool@etcd";

/** How long a node that is not heard of is still there, ms. */
export const ttl = 3000;

/** @param settings of the service. @param ofRoute of the route to it */
export async function startFleet(
  settings: Record<string, unknown> = {},
  ofRoute: Record<string, unknown> = {},
): Promise<FleetStand> {
  await using stack = new AsyncDisposableStack();
  const net = stack.use(await startNamespaces(3));
  const [etcdHost, first, second] = net.hosts;
  if (etcdHost === undefined || first === undefined || second === undefined) {
    throw new Error("there are not three hosts");
  }
  const etcd = stack.use(await startEtcd({ on: etcdHost }));
  const origins = net.otherAddress;
  const a = stack.use(await LiveOrigin.start("a", origins));
  const b = stack.use(await LiveOrigin.start("b", origins));
  const pool = { backends: [a.url, b.url], balance: "round-robin", ...settings };
  await etcd.ctl(["put", "tidegate/services/pool", JSON.stringify(pool)]);
  const route = { host: "app.test", service: "pool", ...ofRoute };
  await etcd.ctl(["put", "tidegate/routes/app", JSON.stringify(route)]);
  const start = (name: string, host: NetHost, load: SteadyLoad) =>
    startNode(name, { host, load, etcd });
  const loads = [stack.use(await startLoad(first)), stack.use(await startLoad(second))] as const;
  const [one, two] = await Promise.all([
    start("one", first, loads[0]).then((node) => (stack.use(node.program), node)),
    start("two", second, loads[1]).then((node) => (stack.use(node.program), node)),
  ]);
  await Promise.all([one.joined(2), two.joined(2)]);
  for (const each of [one, two]) {
    await eventually("both nodes to route", async () =>
      (await each.ask()).status === 200 ? true : undefined,
    );
  }
  const held = stack.move();
  const dispose = () => held.disposeAsync();
  return { etcd, one, two, a, b, origins, start, [Symbol.asyncDispose]: dispose };
}

interface Parts {
  readonly host: NetHost;
  readonly load: SteadyLoad;
  readonly etcd: Etcd;
}

async function startNode(name: string, { host, load, etcd }: Parts): Promise<FleetNode> {
  const { endpoints } = etcd;
  const program = await startTidegate({
    config: {
      listeners: { web: "0.0.0.0:0" },
      routes: { "load.test": load.url },
      providers: { etcd: { endpoints } },
      fleet: { etcd: { endpoints }, node: name, ttl: `${ttl / 1000}s` },
    },
    workers: 2,
    on: host,
  });
  return nodeOf(name, { host, load, program });
}

/** Also of a program that was started again. */
export function nodeOf(
  name: string,
  { host, load, program }: Pick<FleetNode, "host" | "load" | "program">,
): FleetNode {
  const get = async (route: string) => {
    const answer = await askControl(program.control, { route, timeoutMs: 5000 });
    if (answer.kind === "answer" && answer.status === 200) return answer.body;
    throw new Error(`${route}: ${JSON.stringify(answer)}`);
  };
  const fleet = async () => {
    const rows = readNodes(await get("/v1/nodes"))?.fleet;
    if (rows === undefined || rows === null) throw new Error(`${name} is in no fleet`);
    return rows;
  };
  const stateOf = async (backend?: LiveOrigin) => {
    const rows = readServices(await get("/v1/services"));
    const row = rows?.find((each) => each.name === service);
    if (row === undefined) return "none";
    if (backend === undefined) return row.state;
    return row.backends.find(({ url }) => url === backend.url)?.state ?? "none";
  };
  const until = async (what: string, look: () => Promise<[boolean, string]>, ms = 15_000) => {
    let last = "";
    try {
      await eventually(
        what,
        async () => {
          const [isRight, text] = await look();
          last = text;
          return isRight ? true : undefined;
        },
        ms,
      );
    } catch (error) {
      throw new Error(`${name}: ${String(error)}; last: ${last}\n${program.stderr()}`, {
        cause: error,
      });
    }
  };
  return {
    ...{ name, host, program, load, fleet, stateOf },
    control: controlOf(program.control),
    ask: (headers = {}) =>
      ask(program.port(), { host: host.address, name: "app.test", headers, timeoutMs: 10_000 }),
    shows: (state, backend, ms) =>
      until(
        `${backend?.name ?? service} to be ${state}`,
        async () => {
          const now = await stateOf(backend);
          return [now === state, now];
        },
        ms,
      ),
    joined: (up, ms) =>
      until(
        `it to be joined${up === undefined ? "" : ` with ${up} nodes`}`,
        async () => {
          const rows = await fleet();
          const count = rows.nodes.filter(({ state }) => state === "up").length;
          const isRight = rows.state === "joined" && (up === undefined || count === up);
          return [isRight, JSON.stringify(rows)];
        },
        ms,
      ),
    away: () =>
      until("it to miss etcd", async () => {
        const { state, trouble } = await fleet();
        return [state === "away", `${state} ${trouble}`];
      }),
  };
}
