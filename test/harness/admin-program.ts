// A running program whose admin API is at a port of this machine, and a client of it made from its document.

import { basic } from "./admin-stand.ts";
import { ApiClient } from "./api-client.ts";
import { ask } from "./ask.ts";
import type { Tidegate } from "./tidegate.ts";

export const adminConfig = {
  listeners: { web: "127.0.0.1:0" },
  routes: { "file.test": { whoami: true } },
  admin: { bind: "127.0.0.1:0" },
};

/** Told once, by the first start. */
export function passwordOf(program: Tidegate): string {
  const [, password] = /log in as admin with the password (\S+)/.exec(program.stderr()) ?? [];
  if (password === undefined) throw new Error(`no password in ${program.stderr()}`);
  return password;
}

export const baseOf = (program: Tidegate) => `http://127.0.0.1:${program.port("admin")}`;

/** @param base for an address that was not known at the start */
export function clientOf(program: Tidegate, base = baseOf(program)): Promise<ApiClient> {
  return ApiClient.of(base, basic("admin", passwordOf(program)));
}

/** Of many connections, so that each worker is asked. */
export async function statuses(
  program: Tidegate,
  name: string,
  path = "/",
): Promise<readonly number[]> {
  const port = program.port();
  const all = Array.from({ length: 12 }, async () => (await ask(port, { name, path })).status);
  return [...new Set(await Promise.all(all))];
}
