// What is kept of users, over a real file.

import assert from "node:assert/strict";
import { test } from "node:test";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { BookFault } from "../config/account.ts";
import { Accounts } from "./accounts.ts";
import { Database } from "./database.ts";

const options = { main: "1 1", process: "1 1", isAlive: () => true };
const user = { name: "alice", role: "edit", password: "$hash", created: 5 } as const;

test("what was written is there after another start", async () => {
  await using folder = await tempFolder();
  const token = {
    id: "i",
    hash: "h",
    user: "alice",
    name: "ci",
    role: "read",
    created: 1,
  } as const;
  {
    using database = new Database({ ...options, folder: folder.path });
    const book = new Accounts(database);
    book.addUser(user);
    book.addToken({ ...token, expires: 9, used: undefined });
    book.addSession({ hash: "s", user: "alice", created: 1, seen: 2 }, 10);
    book.touchToken("i", 7);
  }
  using database = new Database({ ...options, folder: folder.path });
  const book = new Accounts(database);
  assert.deepEqual(book.users(), [user]);
  assert.deepEqual(book.token("h"), { ...token, expires: 9, used: 7 });
  assert.deepEqual(book.session("s"), { hash: "s", user: "alice", created: 1, seen: 2 });
});

test("a user that goes takes sessions and tokens along, and a user has so many sessions", async () => {
  await using folder = await tempFolder();
  using database = new Database({ ...options, folder: folder.path });
  const book = new Accounts(database);
  book.addUser(user);
  for (const hash of ["a", "b", "c"])
    book.addSession({ hash, user: "alice", created: 1, seen: 1 }, 2);
  assert.deepEqual(
    ["a", "b", "c"].map((each) => book.session(each)?.hash),
    [undefined, "b", "c"],
  );
  book.expireSessions(1, 2);
  assert.equal(book.session("b"), undefined);
  book.addSession({ hash: "d", user: "alice", created: 3, seen: 3 }, 2);
  book.addToken({
    id: "i",
    hash: "h",
    user: "alice",
    name: "",
    role: "read",
    created: 1,
    expires: 2,
    used: undefined,
  });
  book.removeUser("alice");
  assert.deepEqual(
    [book.session("d"), book.token("h"), book.removeToken("i")],
    [undefined, undefined, false],
  );
});

test("the audit is bounded, and its numbers go on", async () => {
  await using folder = await tempFolder();
  using database = new Database({ ...options, folder: folder.path });
  const book = new Accounts(database);
  for (let at = 1; at <= 12; at += 1) {
    const revision = at === 12 ? 3 : undefined;
    book.addAudit({ at, by: "a", from: "b", what: `w${at}`, outcome: "done", revision }, 5);
  }
  assert.deepEqual(
    book.audit(undefined, 100).map(({ number }) => number),
    [12, 11, 10, 9, 8],
  );
  assert.deepEqual(
    book.audit(10, 1).map(({ what }) => what),
    ["w9"],
  );
  assert.equal(book.audit(undefined, 1)[0]?.revision, 3);
});

test("what cannot be written is said with one kind of error", async () => {
  await using folder = await tempFolder();
  const database = new Database({ ...options, folder: folder.path });
  const book = new Accounts(database);
  book.addUser(user);
  assert.throws(() => book.addUser(user), BookFault);
  database[Symbol.dispose]();
  assert.throws(() => book.addUser({ ...user, name: "bob" }), BookFault);
  assert.throws(() => book.users(), BookFault);
});
