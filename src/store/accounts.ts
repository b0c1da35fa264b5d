// Users of the API, their sessions and tokens, and what was done by whom, as tables beside those of the
// store. They are another's business than routes: rolling back routes must not bring back a password.

import type { SQLOutputValue } from "node:sqlite";
import {
  type AccountBook,
  type AuditRecord,
  BookFault,
  type NewAuditRecord,
  type Role,
  roles,
  type SessionRecord,
  type TokenRecord,
  type UserRecord,
} from "../config/account.ts";
import type { Database } from "./database.ts";
import { causeOf } from "./store-fault.ts";

type Row = Record<string, SQLOutputValue>;
type Value = string | number | null;
type Run = (query: string, ...values: readonly Value[]) => number;

export class Accounts implements AccountBook {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  users(): readonly UserRecord[] {
    return this.#all("select * from users order by name").map(userOf);
  }

  user(name: string): UserRecord | undefined {
    return this.#all("select * from users where name = ?", name).map(userOf)[0];
  }

  addUser({ name, role, password, created }: UserRecord): void {
    this.#run("insert into users values (?, ?, ?, ?)", name, role, password, created);
  }

  setPassword(name: string, password: string): void {
    this.#write((run) => {
      run("update users set password = ? where name = ?", password, name);
      run("delete from sessions where user = ?", name);
    });
  }

  removeUser(name: string): void {
    this.#run("delete from users where name = ?", name);
  }

  session(hash: string): SessionRecord | undefined {
    return this.#all("select * from sessions where hash = ?", hash).map(sessionOf)[0];
  }

  addSession({ hash, user, created, seen }: SessionRecord, most: number): void {
    this.#write((run) => {
      run("insert into sessions values (?, ?, ?, ?)", hash, user, created, seen);
      const kept =
        "select hash from sessions where user = ? order by created desc, rowid desc limit ?";
      run(`delete from sessions where user = ? and hash not in (${kept})`, user, user, most);
    });
  }

  touchSession(hash: string, seen: number): void {
    this.#run("update sessions set seen = ? where hash = ?", seen, hash);
  }

  removeSession(hash: string): void {
    this.#run("delete from sessions where hash = ?", hash);
  }

  expireSessions(begunBefore: number, seenBefore: number): void {
    this.#run("delete from sessions where created < ? or seen < ?", begunBefore, seenBefore);
  }

  tokens(): readonly TokenRecord[] {
    return this.#all("select * from tokens order by created, id").map(tokenOf);
  }

  token(hash: string): TokenRecord | undefined {
    return this.#all("select * from tokens where hash = ?", hash).map(tokenOf)[0];
  }

  addToken({ id, hash, user, name, role, created, expires, used }: TokenRecord): void {
    this.#run(
      "insert into tokens values (?, ?, ?, ?, ?, ?, ?, ?)",
      ...[id, hash, user, name, role, created, expires, used ?? null],
    );
  }

  touchToken(id: string, used: number): void {
    this.#run("update tokens set used = ? where id = ?", used, id);
  }

  removeToken(id: string): boolean {
    return this.#run("delete from tokens where id = ?", id) > 0;
  }

  audit(before: number | undefined, limit: number): readonly AuditRecord[] {
    const most = before ?? Number.MAX_SAFE_INTEGER;
    const query = "select * from audit where number < ? order by number desc limit ?";
    return this.#all(query, most, limit).map(auditOf);
  }

  addAudit(record: NewAuditRecord, most: number): void {
    const { at, by, from, what, outcome, revision = null } = record;
    this.#write((run) => {
      run(
        'insert into audit (at, by, "from", what, outcome, revision) values (?, ?, ?, ?, ?, ?)',
        ...[at, by, from, what, outcome, revision],
      );
      const newest = "select max(number) from audit";
      run(`delete from audit where number <= (${newest}) - ?`, most);
    });
  }

  #all(query: string, ...values: readonly Value[]): readonly Row[] {
    return guarded(() => this.#database.sql.prepare(query).all(...values));
  }

  /** How many rows it changed. */
  #run(query: string, ...values: readonly Value[]): number {
    return this.#write((run) => run(query, ...values));
  }

  /** All that is done in `work` or nothing. */
  #write<T>(work: (run: Run) => T): T {
    return guarded(() =>
      this.#database.transaction((sql) =>
        work((query, ...values) => Number(sql.prepare(query).run(...values).changes)),
      ),
    );
  }
}

function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new BookFault(causeOf(error), { cause: error });
  }
}

function userOf(row: Row): UserRecord {
  return {
    name: text(row["name"]),
    role: roleOf(row["role"]),
    password: text(row["password"]),
    created: number(row["created"]),
  };
}

function sessionOf(row: Row): SessionRecord {
  return {
    hash: text(row["hash"]),
    user: text(row["user"]),
    created: number(row["created"]),
    seen: number(row["seen"]),
  };
}

function tokenOf(row: Row): TokenRecord {
  return {
    id: text(row["id"]),
    hash: text(row["hash"]),
    user: text(row["user"]),
    name: text(row["name"]),
    role: roleOf(row["role"]),
    created: number(row["created"]),
    expires: number(row["expires"]),
    used: maybe(row["used"]),
  };
}

function auditOf(row: Row): AuditRecord {
  return {
    number: number(row["number"]),
    at: number(row["at"]),
    by: text(row["by"]),
    from: text(row["from"]),
    what: text(row["what"]),
    outcome: text(row["outcome"]),
    revision: maybe(row["revision"]),
  };
}

/** What a newer version wrote and this one does not know may do the least. */
function roleOf(value: SQLOutputValue | undefined): Role {
  return roles.find((each) => each === value) ?? "read";
}

function text(value: SQLOutputValue | undefined): string {
  return typeof value === "string" ? value : "";
}

function number(value: SQLOutputValue | undefined): number {
  return typeof value === "number" ? value : 0;
}

function maybe(value: SQLOutputValue | undefined): number | undefined {
  return typeof value === "number" ? value : undefined;
}
