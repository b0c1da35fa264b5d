// The tutorial, word for word: a clone of its own, the commands of the page in their order, and what they print beside
// what the page says that they print. In namespaces of its own, so that ports, /tmp and processes are nobody else's.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { needs } from "../harness/needs.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { runCommand } from "../harness/command.ts";

const root = resolve(import.meta.dirname, "../..");

interface Step {
  readonly kind: "start" | "works" | "fails";
  readonly text: string;
  /** Lines in their order; between them there may be others. */
  readonly expected: readonly string[];
}

function stepsOf(page: string): Step[] {
  const steps: Step[] = [];
  const blocks = page.matchAll(/^```sh( \w+)?\n([\s\S]*?)^```(?:\n\n```text\n([\s\S]*?)^```)?/gm);
  for (const [, word = "", text = "", output = ""] of blocks) {
    const kind = word === " start" ? "start" : word === " fails" ? "fails" : "works";
    const lines = output.split("\n").filter((line) => line !== "" && line !== "…");
    steps.push({ kind, text, expected: lines });
  }
  return steps;
}

/** @returns the first line that is missing */
function missingLine(output: string, expected: readonly string[]): string | undefined {
  const lines = output.split("\n");
  let at = 0;
  for (const line of expected) {
    while (at < lines.length && lines[at]?.includes(line) !== true) at++;
    if (at === lines.length) return line;
    at++;
  }
  return undefined;
}

/** What `npm start` would install, without asking anybody: names of the same files, so that whoever deletes them deletes no others. */
async function installInto(clone: string): Promise<void> {
  const from = join(root, "node_modules");
  const linked = await runCommand("cp", ["-al", from, join(clone, "node_modules")]);
  if (linked.code !== 0) {
    const copied = await runCommand("cp", ["-a", from, clone]);
    assert.equal(copied.code, 0, copied.stderr);
  }
  const lock = await readFile(join(clone, "package-lock.json"));
  const stamp = join(clone, "node_modules", ".tidegate-install");
  await rm(stamp, { force: true });
  await writeFile(stamp, createHash("sha256").update(lock).digest("hex"));
}

/** Runs in the namespaces: what a person types, one after the other, and the program beside it. */
const runner = `
set -u
mount -t tmpfs tmpfs /tmp
ip link set lo up
cd "$PLACE/clone"
for step in "$PLACE"/steps/*; do
  name=$(basename "$step")
  case $name in
  *-start)
    bash "$step" >"$PLACE/out/$name" 2>&1 </dev/null &
    for _ in $(seq 300); do
      curl -s -o /dev/null http://127.0.0.1:8080/ && break
      sleep 0.2
    done
    echo 0 >"$PLACE/out/$name.status"
    ;;
  *)
    # As a terminal goes on after each command, and shows what background programs say.
    timeout 60 bash -e "$step" >"$PLACE/out/$name" 2>&1 </dev/null
    echo $? >"$PLACE/out/$name.status"
    ;;
  esac
done
`;

test(
  "every command of the tutorial does what the page says",
  { timeout: 300_000, skip: needsRoot() || needs("git", "unshare", "mount", "curl") },
  async (context) => {
    const page = await readFile(join(root, "docs/tutorial.md"), "utf8");
    const steps = stepsOf(page);
    assert.ok(steps.length >= 10, `only ${steps.length} steps were found`);
    assert.equal(missingLine("a\nb\nc", ["b", "a"]), "a");
    const place = await mkdtemp("/var/tmp/tidegate-tutorial-");
    context.after(() => rm(place, { recursive: true, force: true }));
    const cloned = await runCommand("git", ["clone", "--quiet", root, join(place, "clone")]);
    assert.equal(cloned.code, 0, cloned.stderr);
    await installInto(join(place, "clone"));
    for (const each of ["steps", "out", "state"]) await mkdir(join(place, each));
    const names = steps.map(({ kind }, at) => `${String(at).padStart(2, "0")}-${kind}`);
    for (const [at, { text }] of steps.entries()) {
      await writeFile(join(place, "steps", names[at] ?? ""), text);
    }
    const { PATH = "" } = process.env;
    const child = spawn(
      "unshare",
      ["--net", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", runner],
      {
        stdio: ["ignore", "inherit", "inherit"],
        env: {
          ...{ PATH: `${join(root, "node_modules", ".bin")}:${PATH}`, HOME: place, PLACE: place },
          ...{ STATE_DIRECTORY: join(place, "state") },
          TIDEGATE_CONTROL: join(place, "control.sock"),
        },
      },
    );
    await once(child, "close");
    const begun = await readFile(join(place, "out", names[0] ?? ""), "utf8");
    for (const [at, { kind, text, expected }] of steps.entries()) {
      const file = join(place, "out", names[at] ?? "");
      const output = await readFile(file, "utf8");
      const status = Number(await readFile(`${file}.status`, "utf8"));
      const told = `${text}\n--- status ${status}, and it printed\n${output}\n--- what was started said\n${begun}`;
      assert.equal(status !== 0, kind === "fails", told);
      assert.equal(missingLine(output, expected), undefined, told);
    }
  },
);
