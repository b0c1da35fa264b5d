// Full handshakes, one for every request: wrk resumes its sessions, `openssl s_time -new` never does. It opens one connection
// after the other, so several of it run side by side.

import { within } from "./deadline.ts";
import type { Stage } from "./stage.ts";
import type { Load, Loaded } from "./wrk.ts";

/** Enough that a proxy on one core is never idle. */
const sideBySide = 8;

let runs = 0;

/** How long an answer took is not told. */
export async function runSTime(stage: Stage, { port, path, seconds }: Load): Promise<Loaded> {
  const name = `s-time-${++runs}`;
  const args = ["s_time", "-connect", `127.0.0.1:${port}`, "-new", "-time", String(seconds)];
  const all = Array.from({ length: sideBySide }, (_, n) => {
    const command = { command: "openssl", args: [...args, "-www", path] };
    return stage.launch({ name: `${name}-${n}`, ...command, core: "load" });
  });
  try {
    // It looks at the clock of the processor until it has used up so many seconds, or twice as many have passed.
    await within(seconds * 2000 + 30_000, "s_time", Promise.all(all.map((each) => each.exited)));
    let requests = 0;
    let requestsPerSecond = 0;
    let errors = "";
    for (const each of all) {
      const line = /^(\d+) connections in (\d+) real seconds/m.exec(each.output());
      if (line === null || each.process.exitCode !== 0)
        errors = each.errors().trim() || "no figures";
      requests += Number(line?.[1] ?? 0);
      requestsPerSecond += Number(line?.[1] ?? 0) / Number(line?.[2] ?? 1);
    }
    if (requests === 0) errors ||= "no request was answered";
    return { requests, requestsPerSecond, p50Micros: NaN, p99Micros: NaN, errors };
  } finally {
    await Promise.all(all.map((each) => stage.stop(each)));
  }
}
