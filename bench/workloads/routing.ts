// Guards: finding the route of a request is cheap, measured alone without sockets. The measurement is a
// program of its own, so that no other code of the bench shares its heap.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { within } from "../harness/deadline.ts";
import { Stage } from "../harness/stage.ts";
import type { Workload } from "./workload.ts";

const program = join(import.meta.dirname, "..", "routing.ts");
const limitMs = 300_000;

export const routing: Workload = {
  name: "routing",
  claim: "finding a route among 10,000 takes about a microsecond or less, without sockets",
  limitMs: () => limitMs + 10_000,
  async run() {
    if (!existsSync(program)) throw new Error("bench/routing.ts is not there");
    await using stage = new Stage();
    const options = { name: "routing", command: process.execPath, core: "proxy" } as const;
    const launched = stage.launch({ ...options, args: [program] });
    await within(limitMs, "bench/routing.ts", launched.exited);
    const lines = launched.output().trimEnd().split("\n");
    const code = launched.process.exitCode;
    return {
      columns: ["output"],
      rows: lines.map((line) => [line]),
      notes: [],
      failures: code === 0 ? [] : [`bench/routing.ts ended with ${code}: ${launched.errors()}`],
      data: lines,
    };
  },
};
