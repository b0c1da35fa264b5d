// Makes `npm start` and `npm test` work alone on a fresh clone: installs the packages when they are
// missing or package-lock.json changed since the last time, and otherwise only compares a hash.
// Plain JavaScript for Node 20, as the newer Node.js arrives with this very installation.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const stampFile = join(root, "node_modules", ".tidegate-install");

function readStamp() {
  try {
    return readFileSync(stampFile, "utf8");
  } catch {
    return undefined; // never installed, or not by us: both mean install
  }
}

const wanted = createHash("sha256")
  .update(readFileSync(join(root, "package-lock.json")))
  .digest("hex");
if (readStamp() !== wanted) await install();

async function install() {
  // Loaded only here: the usual run ends above and should cost next to nothing.
  const { spawnSync } = await import("node:child_process");
  console.log("Installing packages with `npm ci`; this happens once and takes under a minute …");
  // npm must run on the Node.js it was started with: the one in node_modules/.bin is about to vanish.
  const { npm_node_execpath: node, npm_execpath: npm } = process.env;
  const inNpm = node !== undefined && npm !== undefined;
  const options = ["ci", "--loglevel=error", "--no-audit", "--no-fund"];
  const result = spawnSync(inNpm ? node : "npm", inNpm ? [npm, ...options] : options, {
    cwd: root,
    stdio: "inherit",
  });
  if (result.status !== 0) {
    const why = result.error?.message ?? `status ${result.status ?? result.signal}`;
    console.error(`Installing failed (${why}). The output above says why; \`npm ci\` repeats it.`);
    process.exit(1);
  }
  writeFileSync(stampFile, wanted);
}
