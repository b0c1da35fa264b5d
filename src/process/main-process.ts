// Which process is the main one. It tells its children, and they tell theirs.

import { identityOf } from "./process-identity.ts";

const variable = "TIDEGATE_MAIN";

/** For the environment of those who are started. @param isMain whether this process is the main one */
export function mainEnvironment(isMain: boolean): Record<string, string | undefined> {
  return { [variable]: isMain ? identityOf(process.pid) : process.env[variable] };
}

/** Whether the main process that we belong to lives. */
export function isMainAlive(): boolean {
  const identity = process.env[variable] ?? "";
  const pid = Number(identity.split(" ")[0]);
  return identity !== "" && identityOf(pid) === identity;
}
