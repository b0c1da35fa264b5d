// Whether the script of a container is there, before its program is asked to run it: PHP that does not find
// `photo/x.php` goes up, and runs `photo`. Only where no `files` service has looked already, and only of containers, whose
// paths are known to be the program's own.

import type { Premises } from "../guest/finding.ts";
import type { FailureCode } from "../http/errors.ts";
import { failedBy } from "./named-file.ts";

/** As for files: what is there is believed for a moment, what is not is looked for again. */
const believedMs = 1000;
const mostBelieved = 1000;

/** Until when, by path. */
const believed = new WeakMap<Premises, Map<string, number>>();

/** undefined = it is known to be there. */
export function searchScript(
  premises: Premises,
  file: string,
): Promise<FailureCode | undefined> | undefined {
  let paths = believed.get(premises);
  if (paths === undefined) {
    paths = new Map();
    believed.set(premises, paths);
  }
  return (paths.get(file) ?? 0) > performance.now() ? undefined : search(premises, file, paths);
}

async function search(
  premises: Premises,
  file: string,
  paths: Map<string, number>,
): Promise<FailureCode | undefined> {
  const found = await premises.find(file);
  if (found.kind === "folder") return "NO_FILE";
  if (found.kind !== "file") return failedBy(found, file).code;
  found.file.close();
  if (paths.size >= mostBelieved) paths.clear();
  paths.set(file, performance.now() + believedMs);
  return undefined;
}
