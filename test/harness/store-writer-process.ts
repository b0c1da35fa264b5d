// Commits to a store in a folder, one change after the other, and says each number when it is on the disk. Ends
// by being killed, or with the sentence why it cannot.

import { writeSync } from "node:fs";
import { commit, routeChange, storeIn } from "./store-sample.ts";

const [, , folder = ""] = process.argv;
const store = storeIn(folder);
try {
  for (;;) {
    const number = store.revision + 1;
    const value = { number, text: "x".repeat((number * 997) % 9000) };
    const changes = [routeChange(`last`, value), routeChange(`n${number % 50}`, value)];
    // At once and by itself: what is said must not be ahead of what is done, nor lost with us.
    writeSync(1, `${commit(store, changes).number}\n`);
  }
} catch (error) {
  writeSync(2, error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
