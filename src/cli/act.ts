// The commands that change something in the running program: `reload`, `restart`, `upgrade`, `drain`,
// `resume`, `stop`, `workers N`. Each is a request that is answered when the thing is done.

import { setTimeout as pause } from "node:timers/promises";
import { readStatus } from "../admin/answers.ts";
import { askControl, type Question } from "../admin/control-client.ts";
import { identityOf } from "../process/process-identity.ts";
import type { Outcome, Status } from "../admin/operations.ts";
import { outcomeOf, tellOutcome } from "./outcome.ts";
import { statusLine, withProgress } from "./progress.ts";
import { type CommandOptions, placeOf } from "./running.ts";

export type Action = "reload" | "restart" | "upgrade" | "resize" | "drain" | "resume" | "stop";

export interface ActOptions extends CommandOptions {
  /** For `resize`. */
  readonly size?: number | "auto";
  /** For `stop`: cut what runs. */
  readonly now?: boolean;
  /** For `drain` and `stop`: until what runs is finished. */
  readonly wait?: boolean;
}

const doing: Readonly<Record<Action, string>> = {
  reload: "reloading",
  restart: "restarting",
  upgrade: "upgrading",
  resize: "changing the number of workers",
  drain: "draining",
  resume: "resuming",
  stop: "stopping",
};

/** Returns the exit code. */
export async function act(action: Action, options: ActOptions): Promise<number> {
  const path = placeOf(options);
  const work = perform(action, path, options);
  const outcome = await withProgress(work, (signal) => statusLine(path, doing[action], signal));
  return tellOutcome(outcome, options);
}

async function perform(action: Action, path: string, options: ActOptions): Promise<Outcome> {
  const before = action === "stop" ? await statusOf(path) : undefined;
  const outcome = await outcomeOf(path, questionOf(action, options));
  if (!outcome.ok || options.wait !== true) return outcome;
  return action === "stop" ? ended(path, before) : drained(path);
}

function questionOf(action: Action, { size, now }: ActOptions): Question {
  if (action === "resize") return { route: "/v1/workers", method: "PUT", body: { size } };
  const body = now === true ? { now } : undefined;
  return { route: `/v1/${action}`, method: "POST", body };
}

// --- waiting -----------------------------------------------------------------------------------

const intervalMs = 100;

async function statusOf(path: string): Promise<Status | undefined> {
  const answer = await askControl(path, { route: "/v1/status", timeoutMs: 5000 });
  return answer.kind === "answer" ? readStatus(answer.body) : undefined;
}

/** Until the program that was asked to stop is gone, however long it drains. */
async function ended(path: string, before: Status | undefined): Promise<Outcome> {
  for (;;) {
    const answer = await askControl(path, { route: "/v1/status", timeoutMs: 5000 });
    if (answer.kind === "absent" || answer.kind === "denied") break;
    const now = answer.kind === "answer" ? readStatus(answer.body) : undefined;
    // A service manager may have started another one already.
    if (now !== undefined && now.mainPid !== before?.mainPid) break;
    await pause(intervalMs);
  }
  if (before !== undefined) await processEnd(before.mainPid);
  return { ok: true, message: "it has ended" };
}

/** It may wait for others after its control socket is gone. */
async function processEnd(pid: number): Promise<void> {
  while (identityOf(pid) !== undefined) await pause(intervalMs);
}

/** Until nothing runs any more. */
async function drained(path: string): Promise<Outcome> {
  for (;;) {
    const now = await statusOf(path);
    if (now === undefined) return { ok: true, message: "it has ended meanwhile" };
    if (now.state === "serving") {
      return { ok: false, message: "somebody had it resume before everything was finished" };
    }
    if (now.counts.exchanges === 0 && now.counts.tunnels === 0) {
      return { ok: true, message: "drained: nothing runs, and no connections are accepted" };
    }
    await pause(intervalMs);
  }
}
