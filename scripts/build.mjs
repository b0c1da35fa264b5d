// Builds what is published: dist/, plain JavaScript made from src/ by the TypeScript compiler alone, and the console
// made from ui/. Node.js refuses to run TypeScript inside node_modules, so an installed package needs it.

import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "./engine.mjs";

rmSync(join(root, "dist"), { recursive: true, force: true });
const result = spawnSync(
  join(root, "node_modules", ".bin", "tsc"),
  ["--project", join("scripts", "tsconfig.build.json")],
  { cwd: root, stdio: "inherit" },
);
if (result.error !== undefined)
  console.error(`The compiler did not start: ${result.error.message}`);
if (result.status !== 0) process.exit(result.status ?? 1);
const built = spawnSync(process.execPath, [join(root, "scripts", "console.mjs"), "--strict"], {
  stdio: "inherit",
});
process.exit(built.status ?? 1);
