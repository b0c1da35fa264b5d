// Settings that only a new start can change.

import type { Snapshot } from "../config/snapshot.ts";

/** What of them differs, for people. */
export function changedFixed(before: Snapshot, after: Snapshot): readonly string[] {
  const isSolo = ({ workers }: Snapshot) => workers.count === 0;
  const fixed: [string, boolean][] = [
    ["workers from or to 0", isSolo(before) !== isSolo(after)],
    ["user and group", JSON.stringify(before.runAs) !== JSON.stringify(after.runAs)],
    ["controlSocket", before.controlSocket !== after.controlSocket],
    ["pidFile", before.pidFile !== after.pidFile],
  ];
  return fixed.flatMap(([what, isChanged]) => (isChanged ? [what] : []));
}
