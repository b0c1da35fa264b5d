// Opens the store in a folder, says how many items it has, and writes so many more, or says why it cannot. With
// `killed` it dies without closing it; `later` makes room first when it can only be read.

import { rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Store } from "../../src/store/store.ts";
import { commit, databaseIn, routeChange } from "./store-sample.ts";

const [, , folder = "", count = "", end = ""] = process.argv;
const database = databaseIn(folder);
const store = new Store(database);

function add(most: number): string {
  for (let n = 0; n < most; n++) commit(store, [routeChange(`r${store.items.size}`, "http://a")]);
  return `wrote ${most}`;
}

if (database.trouble === undefined) {
  writeSync(1, `${store.items.size} items, ${add(Number(count))}\n`);
} else {
  writeSync(1, `${store.items.size} items, ${database.trouble}\n`);
  if (count === "later") {
    rmSync(join(folder, "fill"));
    writeSync(1, `room was made, ${add(1)}\n`);
  }
}
if (end === "killed") process.kill(process.pid, "SIGKILL");
database[Symbol.dispose]();
