import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);

/** What a module of ours makes of it, where no more files can be opened. */
async function starved(path: string, action: string): Promise<string> {
  const script = `
    import { closeSync, openSync } from "node:fs";
    import * as module from ${JSON.stringify(import.meta.resolve(path))};
    const { signal } = new AbortController();
    const open = [];
    try {
      for (;;) open.push(openSync("/dev/null"));
    } catch (error) {
      if (error.code !== "EMFILE") throw error;
    }
    const said = await Promise.resolve(${action}).catch(({ message }) => message);
    open.forEach(closeSync);
    console.log(said);`;
  const limited = 'ulimit -n 80; exec "$0" --input-type=module -e "$1"';
  const args = ["-c", limited, process.execPath, script];
  return (await run("sh", args, { timeout: 20_000 })).stdout.trim();
}

const rows = [
  ["../acme/dns/hook.ts", 'module.hookProvider({ command: ["true"] }).set("a", "b", signal)'],
  ["../providers/lxc/program.ts", 'module.runProgram("true", [], { timeout: 500, signal })'],
  ["../providers/libvirt/virsh.ts", 'new module.Virsh("test:///default").command("uri", signal)'],
  ["../providers/libvirt/virsh.ts", 'new module.Virsh("test:///default").events(() => {}, signal)'],
] as const;

for (const [path, action] of rows) {
  test(`where no more files can be opened the program goes on: ${action}`, async () => {
    assert.match(await starved(path, action), /too many files are open/);
  });
}

test("where no more files can be opened lxc-monitor is tried again", async () => {
  const monitor = "new module.LxcMonitor({ folder: process.cwd(), changed: () => {} })";
  const ended = `${monitor}.run(AbortSignal.timeout(300)).then(() => "ended")`;
  assert.equal(await starved("../providers/lxc/lxc-monitor.ts", ended), "ended");
});
