// Finds the Node.js that runs our TypeScript, for the scripts that may themselves run on Node 20.

import { existsSync } from "node:fs";
import { join } from "node:path";

export const root = join(import.meta.dirname, "..");

/** Path of the bundled Node.js, or of the running one where none is bundled and it is new enough. */
export function engine() {
  const bundled = join(root, "node_modules", `node-linux-${process.arch}`, "bin", "node");
  if (existsSync(bundled)) return bundled;
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 24 || (major === 24 && minor >= 21)) return process.execPath;
  console.error(
    "Node.js 24.21 or newer is needed. Run `npm ci`, which brings one along, or install one.",
  );
  process.exit(1);
}
