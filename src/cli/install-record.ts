// What `tidegate install` made on this machine, so that `tidegate uninstall` removes that and nothing
// else: a user or a folder that was there before stays. A line each, added as soon as it is made.

import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const kinds = ["folder", "user", "file", "unit"] as const;

export interface Made {
  readonly kind: (typeof kinds)[number];
  /** Full path, or the user's name. */
  readonly name: string;
}

/** All paths of the installation begin with `prefix`, which is "" for the machine itself. */
export function placesBelow(prefix: string) {
  const settings = join(prefix, "/etc/tidegate");
  return {
    unit: join(prefix, "/etc/systemd/system/tidegate.service"),
    /** Beside the unit: the rights that files of containers take. */
    guests: join(prefix, "/etc/systemd/system/tidegate.service.d/guests.conf"),
    logs: join(prefix, "/var/log/tidegate"),
    state: join(prefix, "/var/lib/tidegate"),
    settings,
    // Not in the state folder, which the service may write to: root removes what is noted here.
    record: join(settings, ".installed"),
  };
}

/** Nothing when there is no record. */
export function readRecord(prefix: string): Made[] {
  const path = placesBelow(prefix).record;
  if (!existsSync(path)) return [];
  const made: Made[] = [];
  for (const line of readFileSync(path, "utf8").split("\n")) {
    const [word = "", name = ""] = line.split(/ (.*)/);
    const kind = kinds.find((each) => each === word);
    if (kind !== undefined && name !== "") made.push({ kind, name });
  }
  return made;
}

/** Needs the settings folder. */
export function record(prefix: string, { kind, name }: Made): void {
  const known = readRecord(prefix).some((each) => each.kind === kind && each.name === name);
  if (!known) appendFileSync(placesBelow(prefix).record, `${kind} ${name}\n`);
}
