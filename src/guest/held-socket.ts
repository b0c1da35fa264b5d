// A unix socket that was found, held so that whoever connects gets to that one whatever its name leads to by then.

import type { BigIntStats } from "node:fs";
import type { FoundSocket } from "./finding.ts";
import { followed, letGo, open, pathOf } from "./held.ts";
import { isAnsweredElsewhere } from "./kernel-files.ts";
import { kindOf, refused } from "./readable.ts";
import { troubleOf } from "./trouble.ts";

/** Never rejects. The held descriptor stays the caller's. @param realPath for operators, bytes in latin1 */
export async function holdSocket(
  held: number,
  facts: BigIntStats,
  realPath: string,
): Promise<FoundSocket> {
  if (!facts.isSocket()) {
    return refused(realPath, `is ${kindOf(facts)}, where a unix socket is asked for`);
  }
  try {
    if (await isAnsweredElsewhere(held)) {
      return refused(
        realPath,
        "is on a file system that a program or another machine answers for (FUSE, NFS …), which may never answer who connects: put it elsewhere, such as on /run",
      );
    }
    const fd = await open(pathOf(held), followed);
    let isHeld = true;
    const release = () => {
      if (isHeld) letGo(fd);
      isHeld = false;
    };
    return { kind: "socket", path: pathOf(fd), release };
  } catch (error) {
    return troubleOf(error, realPath);
  }
}
