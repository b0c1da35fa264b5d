// The admin API of the running program: listens where the configuration says, and goes over to another place when
// it changes. An address that is taken is told once and tried again; everything else goes on without.

import { Accounts as AccountDesk } from "../admin/accounts.ts";
import { AccountsEntry } from "../admin/accounts-entry.ts";
import type { Access } from "../admin/access.ts";
import { ApiServer } from "../admin/api/server.ts";
import type { Operations } from "../admin/operations.ts";
import { adminServer as limits } from "../config/admin-limits.ts";
import type { AdminSettings } from "../config/admin-settings.ts";
import type { Log } from "../lib/log.ts";
import { Accounts } from "../store/accounts.ts";
import type { Database } from "../store/database.ts";
import { goesToJournal } from "./journal.ts";
import type { StoreKeeper } from "./store-keeper.ts";

export interface AdminListenerOptions {
  readonly log: Log;
  readonly keeper: StoreKeeper;
  operations(): Operations;
  /** Somebody may have the address, and is about to leave it. */
  readonly isSuccessor: boolean;
  /** It listens, later than at once. */
  onOpened(): void;
}

/** Of what is there without being asked for: tests and machines that want none. */
const isOffByDefault = () => process.env["TIDEGATE_ADMIN"] === "off";

export class AdminListener {
  readonly #options: AdminListenerOptions;
  #access: (Extract<Access, { kind: "open" }> & { readonly database: Database }) | undefined;
  #server: ApiServer | undefined;
  #settings: AdminSettings | undefined;
  #key: string | undefined;
  /** Where the server listens. */
  #url: string | undefined;
  /** Whether it has users was looked at. */
  #welcomed: Database | undefined;
  #retry: NodeJS.Timeout | undefined;
  #tries = 0;
  #isClosed = false;

  constructor(options: AdminListenerOptions) {
    this.#options = options;
  }

  /** Who may use it. */
  get access(): Access {
    const { database, trouble } = this.#options.keeper;
    if (database === undefined) {
      return { kind: "closed", why: `nobody can log in without the store: ${trouble}` };
    }
    if (this.#access?.database !== database) {
      const accounts = new AccountDesk(new Accounts(database), this.#options.log);
      const entry = new AccountsEntry(accounts);
      this.#access = { kind: "open", accounts, entry, database };
    }
    return this.#access;
  }

  /** Where it listens, as in the ports file. */
  get bound(): Readonly<Record<string, readonly { host: string; port: number }[]>> {
    const [server, settings] = [this.#server, this.#settings];
    if (server === undefined || settings === undefined) return {};
    return { admin: [{ host: settings.host, port: server.port }] };
  }

  /** Goes over to other settings; tried once when it returns. */
  async update(said: AdminSettings | undefined): Promise<void> {
    const settings = said?.isSaid === false && isOffByDefault() ? undefined : said;
    const key = JSON.stringify(settings);
    if (this.#isClosed) return;
    if (key === this.#key) {
      // The store may be there by now.
      if (this.#url !== undefined) await this.#welcome(this.#url);
      return;
    }
    this.#key = key;
    this.#settings = settings;
    this.#tries = 0;
    clearTimeout(this.#retry);
    await this.#server?.close();
    this.#server = undefined;
    this.#url = undefined;
    if (settings !== undefined) await this.#open(settings);
  }

  async #open(settings: AdminSettings): Promise<void> {
    const { log, operations } = this.#options;
    this.#tries += 1;
    try {
      const server = await ApiServer.open({ settings, operations: operations(), log });
      // Somebody else was meant meanwhile.
      if (this.#isClosed || settings !== this.#settings) await server.close();
      else await this.#opened(server, settings);
    } catch (error) {
      if (this.#isClosed || settings !== this.#settings) return;
      const cause = error instanceof Error ? error.message : String(error);
      const isSoon = this.#options.isSuccessor && this.#tries < limits.soonTries;
      const isFirst = this.#tries === (this.#options.isSuccessor ? limits.soonTries : 1);
      if (isFirst) {
        const remedy = "give admin.bind another address, or write admin: false";
        log.warn("the admin API cannot listen; it is tried again", { cause, remedy });
      }
      const wait = isSoon ? limits.retrySoon : limits.retryEvery;
      this.#retry = setTimeout(() => void this.#open(settings), wait).unref();
    }
  }

  async #opened(server: ApiServer, { host, tls }: AdminSettings): Promise<void> {
    this.#server = server;
    const shown = host.includes(":") ? `[${host}]` : host;
    const url = `${tls === undefined ? "http" : "https"}://${shown}:${server.port}`;
    this.#url = url;
    this.#options.log.info("the admin API listens", { url });
    await this.#welcome(url);
    if (this.#tries > 1) this.#options.onOpened();
  }

  /** Makes the first user. The password goes past the log: logs are kept, and read by others. */
  async #welcome(url: string): Promise<void> {
    const { log } = this.#options;
    const { access } = this;
    const { database } = this.#options.keeper;
    if (access.kind === "closed" || database === this.#welcomed) return;
    this.#welcomed = database;
    try {
      if (access.accounts.users().length > 0) return;
      if (goesToJournal()) {
        const remedy = "tidegate user add NAME --role admin";
        log.warn("the admin API has no users yet", { remedy });
        return;
      }
      const first = await access.accounts.first();
      if (first === undefined) return;
      process.stderr.write(
        `tidegate: the console and the API are at ${url}; log in as ${first.name} with the password ${first.password}\n` +
          `tidegate: it is shown this once; tidegate user passwd ${first.name} makes another one\n`,
      );
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      log.error("the first user of the admin API cannot be made", { cause });
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    await this.#server?.close();
    this.#server = undefined;
  }
}
