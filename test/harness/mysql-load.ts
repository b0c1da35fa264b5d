// Clients of a MySQL server that do not rest: lanes of a mysql2 pool, whose connections live for some queries,
// and the `mariadb` command, one connection each time. Of each connection it is known when it began, which
// server (by its port) answered, and how it failed if it did.

import { createPool, type PoolConnection, type RowDataPacket } from "mysql2/promise";
import { eventually, within } from "./barrier.ts";
import { runCommand } from "./command.ts";

export interface MysqlConnection {
  readonly by: "pool" | "command";
  /** `performance.now()` before it was asked for. */
  readonly begunAt: number;
  /** The port that the server which answered listens on; undefined = none answered. */
  port: number | undefined;
  /** Queries answered. */
  answers: number;
  failure: string | undefined;
}

export interface MysqlLoad extends AsyncDisposable {
  /** Those that are over and those in use. */
  readonly connections: readonly MysqlConnection[];
  /**
   * So many connections of either kind that began after this moment and have got an answer, from this server
   * if one is named.
   */
  served(since: number, count: number, port?: number): Promise<readonly MysqlConnection[]>;
}

export interface MysqlAddress {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

const poolLanes = 6;
const queriesOfOne = 15;
/** Every query is far quicker; one that is not stands for a connection that nobody ends. */
const queryTimeoutMs = 10_000;

export function mysqlLoad(address: MysqlAddress): MysqlLoad {
  const connections: MysqlConnection[] = [];
  const over = new AbortController();
  const pool = createPool({ host: "127.0.0.1", ...address, connectionLimit: poolLanes });
  const begin = (by: MysqlConnection["by"]) => {
    const fresh: MysqlConnection = {
      by,
      begunAt: performance.now(),
      port: undefined,
      answers: 0,
      failure: undefined,
    };
    connections.push(fresh);
    return fresh;
  };

  const poolLane = async () => {
    while (!over.signal.aborted) {
      const record = begin("pool");
      let connection: PoolConnection | undefined;
      try {
        connection = await pool.getConnection();
        for (let count = 0; count < queriesOfOne; count++) {
          record.port = await askedPort(connection);
          record.answers++;
        }
      } catch (error) {
        record.failure = String(error);
      }
      // Not given back: the next one is new, and may be to another server.
      connection?.destroy();
    }
  };
  const commandLane = async () => {
    while (!over.signal.aborted) {
      const record = begin("command");
      const { code, stdout, stderr } = await mariadb(address, ["--execute=SELECT @@port"]);
      if (code === 0) {
        record.port = Number(stdout);
        record.answers++;
      } else {
        record.failure = stderr;
      }
    }
  };
  const lanes = [commandLane(), ...Array.from({ length: poolLanes }, poolLane)];

  return {
    connections,
    async served(since, count, port) {
      const fits = (by: MysqlConnection["by"]) =>
        connections.filter(
          (each) =>
            each.by === by &&
            each.begunAt >= since &&
            each.answers > 0 &&
            (port === undefined || each.port === port),
        );
      await eventually(
        `${count} new connections of each kind`,
        () => Math.min(fits("pool").length, fits("command").length) >= count || undefined,
        20_000,
      );
      return [...fits("pool"), ...fits("command")];
    },
    async [Symbol.asyncDispose]() {
      over.abort();
      await Promise.all(lanes);
      await pool.end();
    },
  };
}

async function askedPort(connection: PoolConnection): Promise<number> {
  const asked = connection.query<RowDataPacket[]>("SELECT @@port AS port");
  const [rows] = await within(asked, queryTimeoutMs, "an answer");
  return Number(rows[0]?.["port"]);
}

/** The command line client, with one line for each row. */
export function mariadb(address: MysqlAddress, args: readonly string[], timeoutMs = 15_000) {
  return runCommand("mariadb", [...mariadbArguments(address), ...args], { timeoutMs });
}

export function mariadbArguments({ port, user, password, database }: MysqlAddress): string[] {
  return [
    ...["--no-defaults", "--protocol=TCP", "--host=127.0.0.1", `--port=${port}`],
    ...[`--user=${user}`, `--password=${password}`, `--database=${database}`],
    ...["--batch", "--skip-column-names"],
  ];
}
