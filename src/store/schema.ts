// The tables of the store, as steps from an empty file to what this version knows. A step that was released is
// never changed: there are files that took it. What a newer version needs is one more step at the end.

import { accountTables } from "./account-tables.ts";

/** Stands in the file's header: another program's database is not taken for ours. "tide". */
export const applicationId = 0x74696465;

export const steps: readonly string[] = [
  `
  -- Who writes: one row at most. "epoch" goes up with each new holder, so that a former one sees that it is none.
  CREATE TABLE holder (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    main TEXT NOT NULL,
    process TEXT NOT NULL,
    epoch INTEGER NOT NULL
  ) STRICT;

  -- What counts now, in the order in which it came (rowid). "value" is JSON.
  CREATE TABLE items (
    section TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    revision INTEGER NOT NULL,
    UNIQUE (section, name)
  ) STRICT;

  CREATE TABLE revisions (
    number INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    author TEXT NOT NULL,
    note TEXT,
    bytes INTEGER NOT NULL
  ) STRICT;

  -- NULL = there was none, or there is none any more.
  CREATE TABLE changes (
    revision INTEGER NOT NULL,
    place INTEGER NOT NULL,
    section TEXT NOT NULL,
    name TEXT NOT NULL,
    before TEXT,
    after TEXT,
    PRIMARY KEY (revision, place)
  ) STRICT, WITHOUT ROWID;
  `,
  accountTables,
];
