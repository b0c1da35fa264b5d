// What a worker's process begins with. The rest is loaded from here, so that code that cannot be loaded is
// something to tell the primary, and not only a stack on stderr.

import { parentMismatch } from "./entry.ts";

// Without a listener Node opens its debugger on this signal.
process.on("SIGUSR1", () => {});
process.title = "tidegate: worker";

function crash(error: unknown): void {
  const cause = error instanceof Error ? (error.stack ?? error.message) : String(error);
  // Ends when the message is out, or when nobody is there to take it.
  setTimeout(() => process.exit(1), 500);
  if (process.send === undefined || !process.connected) process.exit(1);
  process.send({ kind: "crashed", cause }, undefined, undefined, () => process.exit(1));
}

process.on("uncaughtException", crash);

const mismatch = parentMismatch();
if (mismatch === undefined) {
  try {
    const { Worker } = await import("./worker.ts");
    Worker.start();
  } catch (error) {
    crash(error);
  }
} else {
  crash(mismatch);
}
