// What a worker's process begins with. The rest is loaded from here, so that code that cannot be loaded is
// something to tell the primary, and not only a stack on stderr.

import { parentMismatch, tellParent } from "./entry.ts";

// Without a listener Node opens its debugger on this signal.
process.on("SIGUSR1", () => {});
process.title = "tidegate: worker";

async function crash(error: unknown): Promise<never> {
  const cause = error instanceof Error ? (error.stack ?? error.message) : String(error);
  await tellParent({ kind: "crashed", cause });
  process.exit(1);
}

process.on("uncaughtException", (error) => void crash(error));

const mismatch = parentMismatch();
if (mismatch !== undefined) await crash(mismatch);
try {
  const { Worker } = await import("./worker.ts");
  Worker.start();
} catch (error) {
  await crash(error);
}
