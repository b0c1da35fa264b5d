// The checks that need no running: formatting, lint (with types) and types, side by side. Prints the
// output of those that failed, and the time each took.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { root } from "./engine.mjs";

const checks = {
  format: ["oxfmt", "--check", "."],
  lint: ["oxlint", "--type-aware", "--deny-warnings", "--report-unused-disable-directives"],
  types: ["tsc", "--project", "tsconfig.json"],
  console: ["tsc", "--project", "ui/tsconfig.json"],
};

function run([tool, ...args]) {
  const begin = performance.now();
  return new Promise((resolve) => {
    const child = spawn(join(root, "node_modules", ".bin", tool), args, { cwd: root });
    let output = "";
    const gather = (text) => (output += text);
    child.stdout.setEncoding("utf8").on("data", gather);
    child.stderr.setEncoding("utf8").on("data", gather);
    child.on("error", (error) => resolve({ passed: false, output: error.message, seconds: 0 }));
    child.on("close", (status) => {
      resolve({ passed: status === 0, output, seconds: (performance.now() - begin) / 1000 });
    });
  });
}

const results = await Promise.all(
  Object.entries(checks).map(async ([name, command]) => ({ name, ...(await run(command)) })),
);
for (const { name, passed, output, seconds } of results) {
  console.log(`${name.padEnd(7)} ${passed ? "passed" : "FAILED"}  ${seconds.toFixed(1)} s`);
  if (!passed) console.log(output.trimEnd());
}
if (results.some(({ passed }) => !passed)) process.exit(1);
