// What the primary's process begins with, started by the supervisor; nobody calls it by hand. The rest is
// loaded from here, so that code that cannot be loaded is something to tell whoever asked for an upgrade.

import { parentMismatch, tellParent } from "../process/entry.ts";

// Without a listener Node opens its debugger on SIGUSR1; a terminal sends the others to all processes, and
// the supervisor tells us what they mean.
for (const name of ["SIGUSR1", "SIGUSR2", "SIGINT", "SIGHUP"] as const) process.on(name, () => {});
process.title = "tidegate: primary";

async function fail(error: unknown): Promise<never> {
  const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`tidegate: ${why}\n`);
  await tellParent({ kind: "not-started", why });
  process.exit(1);
}

try {
  const mismatch = parentMismatch();
  if (mismatch !== undefined) await fail(mismatch);
  const { callsEnded, runPrimary } = await import("./run-primary.ts");
  const code = await runPrimary(process.argv[2]);
  await callsEnded();
  process.exit(code);
} catch (error) {
  await fail(error);
}
