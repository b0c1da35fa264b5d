// A real systemd as first process of a container (systemd-nspawn) that boots a root folder: units, sockets
// and sandboxing as on a machine. It has a network of its own with nothing but loopback, so that low
// ports are free; who wants to connect goes in by `network`.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { eventually, within } from "./barrier.ts";
import { type Ended, runCommand } from "./command.ts";

export interface Systemd extends AsyncDisposable {
  /** Runs a program inside. Fails when that fails, unless told otherwise. */
  run(program: string, args: readonly string[], options?: { mayFail?: boolean }): Promise<Ended>;
  /** A property of a unit, as `systemctl show` tells it. */
  show(unit: string, property: string): Promise<string>;
  /** What a unit has written. */
  journal(unit: string): Promise<string>;
  /** Ids, as seen from outside, of the processes inside whose command line holds this text. */
  pids(text: string): number[];
  /** Id outside of a process that has this one inside. */
  outsidePid(inside: number): number;
  /** For `nsenter --net=`. */
  readonly network: string;
}

/** What a test that uses it needs. */
export const systemdNeeds = ["systemd-nspawn", "nsenter", "setpriv"] as const;

const bootTimeoutMs = 60_000;
/** SIGRTMIN+4: systemd as first process powers off. */
const powerOff = 38;

export async function bootSystemd(root: string): Promise<Systemd> {
  const nspawn = spawn(
    // Whatever ends this process, a time limit included, ends the container as well.
    "setpriv",
    [
      ...["--pdeathsig", "TERM", "systemd-nspawn"],
      ...["--quiet", "--directory", root, `--machine=tidegate-${process.pid}`, "--boot"],
      ...["--private-network", "--register=no", "--keep-unit", "--link-journal=no"],
      ...["--resolv-conf=off", "--timezone=off", "--console=pipe"],
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const console = gather(nspawn);
  const exited = once(nspawn, "exit");
  try {
    const leader = await eventually("systemd to start", () => leaderOf(nspawn), bootTimeoutMs);
    const inside = container(leader);
    await eventually("systemd to have booted", () => hasBooted(inside), bootTimeoutMs);
    return {
      ...inside,
      [Symbol.asyncDispose]: () => shutDown(nspawn, leader, exited),
    };
  } catch (error) {
    nspawn.kill("SIGKILL");
    throw new Error(`systemd did not boot: ${String(error)}\n${console()}`, { cause: error });
  }
}

function gather(child: ChildProcess): () => string {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (bytes: Buffer) => (text = `${text}${bytes.toString()}`.slice(-20_000)));
  }
  return () => text;
}

function leaderOf(nspawn: ChildProcess): number | undefined {
  const pid = nspawn.pid ?? 0;
  if (nspawn.exitCode !== null) throw new Error(`systemd-nspawn ended with ${nspawn.exitCode}`);
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
  return children.map(Number).find((each) => each > 0 && read(`/proc/${each}/comm`) === "systemd");
}

async function hasBooted({ run }: Pick<Systemd, "run">): Promise<true | undefined> {
  // It answers "degraded" when any unit failed, and says so by its exit code.
  const { stdout } = await run("systemctl", ["is-system-running"], { mayFail: true });
  return /^(running|degraded)$/.test(stdout.trim()) ? true : undefined;
}

function container(leader: number): Omit<Systemd, typeof Symbol.asyncDispose> {
  const run: Systemd["run"] = async (program, args, { mayFail = false } = {}) => {
    // Nothing of our environment: a variable of ours would tell programs inside about files outside.
    const clean = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"];
    const words = [`--target=${leader}`, "--all", "--", ...clean, program, ...args];
    const ended = await runCommand("nsenter", words, { timeoutMs: 120_000 });
    if (ended.code !== 0 && !mayFail) {
      const text = `${ended.stdout}\n${ended.stderr}`;
      throw new Error(`${program} ${args.join(" ")} inside ended with ${ended.code}\n${text}`);
    }
    return ended;
  };
  const namespace = readlinkSync(`/proc/${leader}/ns/pid`);
  const members = () =>
    readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => link(`/proc/${pid}/ns/pid`) === namespace);
  return {
    run,
    network: `/proc/${leader}/ns/net`,
    async show(unit, property) {
      const { stdout } = await run("systemctl", [
        "show",
        "--value",
        `--property=${property}`,
        unit,
      ]);
      return stdout.trim();
    },
    async journal(unit) {
      const { stdout } = await run("journalctl", ["--no-pager", "-o", "cat", "-u", unit]);
      return stdout;
    },
    pids: (text) => members().filter((pid) => read(`/proc/${pid}/cmdline`).includes(text)),
    outsidePid(inside) {
      const found = members().find((pid) => insidePid(pid) === inside);
      if (found === undefined) throw new Error(`there is no process ${inside} inside`);
      return found;
    },
  };
}

function insidePid(pid: number): number {
  const line = /^NSpid:\t(.*)$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? "";
  return Number(line.split("\t").at(-1));
}

async function shutDown(nspawn: ChildProcess, leader: number, exited: Promise<unknown>) {
  if (nspawn.exitCode !== null || nspawn.signalCode !== null) return;
  process.kill(leader, powerOff);
  try {
    await within(exited, 20_000, "the end of systemd-nspawn");
  } catch {
    // It hangs: its first process takes all others with it.
    process.kill(leader, "SIGKILL");
    nspawn.kill("SIGKILL");
    await within(exited, 10_000, "the end of systemd-nspawn after SIGKILL");
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return ""; // ended meanwhile
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // ended meanwhile, or a kernel thread
  }
}
