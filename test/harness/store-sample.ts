// Stores as tests need them: in a folder of their own, held by whom the test says.

import { Database, type DatabaseOptions } from "../../src/store/database.ts";
import {
  type Authorship,
  type NewChange,
  Store,
  type StoredRevision,
} from "../../src/store/store.ts";

/** Nobody else is alive, unless the test says so. */
export function databaseIn(folder: string, options: Partial<DatabaseOptions> = {}): Database {
  return new Database({ folder, main: "1 1", process: "2 1", isAlive: () => false, ...options });
}

export function storeIn(folder: string): Store & Disposable {
  const database = databaseIn(folder);
  return Object.assign(new Store(database), {
    [Symbol.dispose]: () => database[Symbol.dispose](),
  });
}

export function routeChange(name: string, value: unknown) {
  const after = value === undefined ? undefined : JSON.stringify(value);
  return { section: "routes" as const, name, after };
}

export function commit(
  store: Store,
  changes: readonly NewChange[],
  authorship: Authorship = { by: "test", note: undefined },
): StoredRevision {
  return store.commit(store.prepare(changes), authorship);
}
