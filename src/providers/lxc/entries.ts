// What is in a folder, as far as that is sensible: folders of users may hold any number of files.

import type { Dirent } from "node:fs";
import { opendir } from "node:fs/promises";
import { lxcDiscovery } from "../../config/provider-limits.ts";

/** Those that fit, in no order. Rejects when the folder cannot be read. */
export async function entriesOf(folder: string, fits: (entry: Dirent) => boolean) {
  const found: Dirent[] = [];
  let count = 0;
  for await (const entry of await opendir(folder, { bufferSize: 1024 })) {
    count += 1;
    if (count > lxcDiscovery.entries) break;
    if (fits(entry)) found.push(entry);
  }
  return found;
}
