// The admin API at a port of this machine: real server, real sockets, a real store for its users; what it steers is a
// sample. With a token for each role, and a clock that can be moved.

import { Accounts as AccountDesk } from "../../src/admin/accounts.ts";
import { AccountsEntry } from "../../src/admin/accounts-entry.ts";
import { ApiServer } from "../../src/admin/api/server.ts";
import { type Role, roles } from "../../src/config/account.ts";
import type { AdminSettings } from "../../src/config/admin-settings.ts";
import { createLogger, type Log } from "../../src/lib/log.ts";
import { Accounts } from "../../src/store/accounts.ts";
import { Database } from "../../src/store/database.ts";
import { SampleOperations } from "./sample-operations.ts";
import { tempFolder } from "./temp-folder.ts";

export const password = "correct horse battery";
export const silent = createLogger({ pretty: false, level: "silent" });

export interface Clock {
  now: number;
  /** How far it was set back, or forth. */
  set: number;
}

export interface AccountStand extends AsyncDisposable {
  readonly accounts: AccountDesk;
  readonly entry: AccountsEntry;
  readonly clock: Clock;
}

/** Users `read`, `edit` and `admin`, each with that role and the same password. */
export async function accountStand(): Promise<AccountStand> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await tempFolder());
  const database = stack.use(
    new Database({ folder: folder.path, main: "1 1", process: "1 1", isAlive: () => true }),
  );
  const clock = { now: Date.parse("2026-11-21T12:00:00Z"), set: 0 };
  const now = () => clock.now + clock.set;
  const accounts = new AccountDesk(new Accounts(database), silent, now);
  const entry = new AccountsEntry(accounts, { now, elapsed: () => clock.now });
  const actor = { by: "test", from: "" };
  for (const role of roles) await accounts.addUser({ name: role, role, password }, actor);
  const held = stack.move();
  return { accounts, entry, clock, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

export interface AdminStand extends AccountStand {
  readonly base: string;
  readonly port: number;
  readonly operations: SampleOperations;
  /** Warnings and errors of the server. */
  readonly said: readonly string[];
  readonly tokens: Readonly<Record<Role, string>>;
}

export async function adminStand(given: Partial<AdminSettings> = {}): Promise<AdminStand> {
  await using stack = new AsyncDisposableStack();
  const stand = stack.use(await accountStand());
  const { accounts, entry } = stand;
  const operations = new SampleOperations();
  operations.who = { kind: "open", accounts, entry };
  const settings: AdminSettings = {
    ...{ host: "127.0.0.1", port: 0, isSaid: true, tls: undefined, hosts: [], cors: [] },
    ...given,
  };
  const said: string[] = [];
  const note = (text: string) => void said.push(text);
  const log: Log = { debug: () => {}, info: () => {}, warn: note, error: note };
  const server = await ApiServer.open({ settings, operations, log });
  stack.defer(() => server.close());
  const token = (role: Role) =>
    accounts.addToken({ user: "admin", name: role, role, days: 30 }, { by: "test", from: "" })
      .secret;
  const tokens = { read: token("read"), edit: token("edit"), admin: token("admin") };
  const { port } = server;
  const scheme = settings.tls === undefined ? "http" : "https";
  const held = stack.move();
  return {
    ...stand,
    ...{ base: `${scheme}://127.0.0.1:${port}`, port, operations, said, tokens },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

export function bearer(token: string): Record<string, string> {
  return { Authorization: `Bearer ${token}` };
}

export function basic(name: string, secret: string): Record<string, string> {
  return { Authorization: `Basic ${Buffer.from(`${name}:${secret}`).toString("base64")}` };
}
