// What an operator can see and do while the program runs: its control socket and its commands. Asking the
// socket itself is for what is asked again and again; a command is a process of its own each time.

import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import type { Outcome, Status, WorkerRow } from "../../src/admin/operations.ts";
import { eventually } from "./barrier.ts";
import { type Ended, runCommand, tidegate } from "./command.ts";

export interface Control {
  status(): Promise<Status>;
  workers(): Promise<readonly WorkerRow[]>;
  /** Asks for the workers until the answer fits; a socket that nobody serves now is asked again, too. */
  until(
    what: string,
    fits: (rows: readonly WorkerRow[]) => boolean,
    ms?: number,
  ): Promise<readonly WorkerRow[]>;
  /** Live workers, once there are as many as that, none is starting or leaving, and none is one of these. */
  settled(
    count: number,
    without?: readonly WorkerRow[],
    ms?: number,
  ): Promise<readonly WorkerRow[]>;
  /** `tidegate restart`, for example. */
  command(...words: readonly string[]): Promise<Ended>;
  /** Has the program do it, without the time that a command takes to start: `restart`, for example. */
  order(what: string): Promise<Outcome>;
}

/** @param path of the socket */
export function controlOf(path: string, launcher: string = tidegate): Control {
  const workers = () => get<readonly WorkerRow[]>(path, "/v1/workers");
  const until: Control["until"] = async (what, fits, ms = 15_000) => {
    let last = "nothing";
    const probe = async () => {
      try {
        const rows = await workers();
        last = JSON.stringify(rows);
        return fits(rows) ? rows : undefined;
      } catch (error) {
        last = String(error);
        return undefined;
      }
    };
    try {
      return await eventually(what, probe, ms);
    } catch (error) {
      throw new Error(`${String(error)}; the control socket last gave: ${last}`, {
        cause: error,
      });
    }
  };
  return {
    status: () => get<Status>(path, "/v1/status"),
    workers,
    until,
    settled: (count, without = [], ms = 15_000) =>
      until(
        `${count} live workers${without.length === 0 ? "" : ", all of them new"}`,
        (rows) =>
          rows.length === count &&
          rows.every(({ state }) => state === "live") &&
          !rows.some(({ pid }) => without.some((each) => each.pid === pid)),
        ms,
      ),
    command: (...words) =>
      runCommand(launcher, [...words, "--control", path], { timeoutMs: 30_000 }),
    order: (what) => get<Outcome>(path, `/v1/${what}`, { method: "POST", timeout: 30_000 }),
  };
}

export async function get<T>(
  socketPath: string,
  path: string,
  { method = "GET", timeout = 5000 } = {},
): Promise<T> {
  const asked = request({ socketPath, path, method, agent: false, timeout });
  asked.on("timeout", () => asked.destroy(new Error(`no answer within ${timeout} ms`)));
  asked.end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of response) text += String(chunk);
  if (response.statusCode !== 200) throw new Error(`${path}: ${response.statusCode} ${text}`);
  return JSON.parse(text) as T;
}
