// Which servers hold the keys: the one that is named, the master that sentinels know of, or all masters of a
// cluster. Asked anew each time, as it may be others after a failure.

import { redisLimits as limits } from "../../config/provider-limits.ts";
import type { HostPort, RedisServer } from "../../config/source-settings.ts";
import { RedisConnection } from "./connection.ts";
import { RedisFault, type RedisPlace, shownPlace } from "./fault.ts";

/** At least one. Throws a sentence. */
export async function placesOf(server: RedisServer): Promise<readonly RedisPlace[]> {
  const { place } = server;
  switch (place.kind) {
    case "tcp":
    case "unix":
      return [place];
    case "sentinel":
      return [await firstAnswer(place.nodes, (node) => masterBy(server, place.master, node))];
    case "cluster":
      return firstAnswer(place.nodes, (node) => mastersBy(server, node));
  }
}

/** Throws when others hold the keys by now: whoever reads on would miss every change. */
export async function checkPlaces(
  server: RedisServer,
  connections: readonly RedisConnection[],
): Promise<void> {
  const [first] = connections;
  if (first === undefined) return;
  if (server.place.kind === "sentinel") return checkMaster(first);
  if (server.place.kind !== "cluster") return;
  const shown = (places: readonly RedisPlace[]) => places.map(shownPlace).sort().join(", ");
  // Those who were asked at the beginning: others may see it otherwise for a while.
  const now = shown(await placesOf(server));
  if (now === shown(connections.map(({ place }) => place))) return;
  throw new RedisFault("the cluster has other masters than before", "CLUSTER");
}

async function checkMaster(connection: RedisConnection): Promise<void> {
  const role = await connection.call(["ROLE"]);
  if (Array.isArray(role) && role[0] === "master") return;
  const where = shownPlace(connection.place);
  throw new RedisFault(`Redis at ${where} is not the master any longer`, "ROLE");
}

async function firstAnswer<Answer>(
  nodes: readonly HostPort[],
  ask: (place: RedisPlace) => Promise<Answer>,
): Promise<Answer> {
  const faults: string[] = [];
  for (const node of nodes) {
    try {
      return await ask({ kind: "tcp", ...node });
    } catch (error) {
      faults.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(faults.join("; "));
}

// --- sentinels -----------------------------------------------------------------------------------------

async function masterBy(
  server: RedisServer,
  master: string,
  place: RedisPlace,
): Promise<RedisPlace> {
  using sentinel = await openSentinel(server, place);
  const answer = await sentinel.call(["SENTINEL", "GET-MASTER-ADDR-BY-NAME", master]);
  const found = hostPortOf(answer, undefined);
  if (found !== undefined) return { kind: "tcp", ...found };
  throw new Error(`the sentinel at ${shownPlace(place)} knows no master called ${master}`);
}

/** Mostly sentinels want no password; those that do have the same one. */
async function openSentinel(server: RedisServer, place: RedisPlace): Promise<RedisConnection> {
  const nobody = { tls: server.tls, username: undefined, password: undefined, database: 0 };
  // An open door is known by the first answer: without a password the handshake succeeds.
  const open = async (login: typeof nobody | RedisServer) => {
    const connection = await RedisConnection.open({ place, login, protocol: 2 });
    try {
      await connection.call(["PING"]);
      return connection;
    } catch (error) {
      connection[Symbol.dispose]();
      throw error;
    }
  };
  try {
    return await open(nobody);
  } catch (error) {
    const isClosed = error instanceof RedisFault && error.code === "NOAUTH";
    if (!isClosed || server.password === undefined) throw error;
    return open({ ...server, database: 0 });
  }
}

// --- cluster -------------------------------------------------------------------------------------------

async function mastersBy(server: RedisServer, place: RedisPlace): Promise<RedisPlace[]> {
  using node = await RedisConnection.open({ place, login: server, protocol: 2 });
  const slots = await node.call(["CLUSTER", "SLOTS"]);
  const found = new Map<string, RedisPlace>();
  for (const range of Array.isArray(slots) ? slots : []) {
    const master = hostPortOf(Array.isArray(range) ? range[2] : undefined, place);
    if (master === undefined) continue;
    const each = { kind: "tcp", ...master } as const;
    found.set(shownPlace(each), each);
  }
  if (found.size === 0) throw new Error(`the cluster of ${shownPlace(place)} has no master`);
  if (found.size <= limits.nodes) return [...found.values()];
  throw new Error(`the cluster of ${shownPlace(place)} has more than ${limits.nodes} masters`);
}

/** A node that does not know its own name is where it was asked. */
function hostPortOf(answer: unknown, asked: RedisPlace | undefined): HostPort | undefined {
  if (!Array.isArray(answer)) return undefined;
  const [name, digits]: readonly unknown[] = answer;
  const own = asked?.kind === "tcp" ? asked.host : undefined;
  const host = typeof name === "string" && name !== "" ? name : own;
  const port = Number(digits);
  const isPort = Number.isInteger(port) && port > 0 && port < 65_536;
  return host === undefined || !isPort ? undefined : { host, port };
}
