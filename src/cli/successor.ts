// Who answers at a control socket, and who does after an upgrade: another primary at the same path.

import { setTimeout as pause } from "node:timers/promises";
import { readStatus } from "../admin/answers.ts";
import { askControl } from "../admin/control-client.ts";

/** For a successor to answer at the socket; that of a primary which was killed has to start first. */
const successorWaitMs = 5000;
const intervalMs = 100;

export async function pidOf(path: string): Promise<number | undefined> {
  const answer = await askControl(path, { route: "/v1/status", timeoutMs: 2000 });
  return answer.kind === "answer" ? readStatus(answer.body)?.pid : undefined;
}

/** Who answers now; the same as before when nobody else came; undefined when nobody does. */
export async function successorOf(
  path: string,
  pid: number | undefined,
): Promise<number | undefined> {
  const deadline = Date.now() + successorWaitMs;
  let now: number | undefined;
  do {
    now = await pidOf(path);
    if (now !== undefined && now !== pid) return now;
    await pause(intervalMs);
  } while (Date.now() < deadline);
  return now;
}
