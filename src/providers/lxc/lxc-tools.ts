// What is asked of LXC's own programs: state and first process of a container, to start it and to stop it.
// Names go behind an option of their own, so that none can be taken for one.

import { lxcDiscovery } from "../../config/provider-limits.ts";
import { runProgram } from "./program.ts";

export type Info =
  /** `pid` of its init, seen from here; undefined = it has none. */
  | { readonly kind: "info"; readonly state: string; readonly pid: number | undefined }
  /** A part of a sentence: why nothing can be said. */
  | { readonly kind: "unknown"; readonly why: string };

/** A container, by the folder it is in. */
export interface Place {
  readonly folder: string;
  readonly name: string;
}

/** Rejects only when the signal is aborted. */
export async function infoOf(place: Place, signal: AbortSignal): Promise<Info> {
  try {
    const args = [...placeArguments(place), "--state", "--pid"];
    const ended = await runProgram("lxc-info", args, { timeout: lxcDiscovery.infoTimeout, signal });
    const info = parseInfo(ended.stdout);
    if (info !== undefined) return info;
    if (ended.code === undefined) return { kind: "unknown", why: "lxc-info does not answer" };
    return { kind: "unknown", why: whyOf("lxc-info", ended.stderr) };
  } catch (error) {
    if (signal.aborted) throw error;
    return { kind: "unknown", why: whyNotRun("lxc-info", error) };
  }
}

/** `State:          RUNNING`, `PID:            4711`. */
export function parseInfo(text: string): Info | undefined {
  const state = /^State:\s+([A-Z]+)$/m.exec(text)?.[1];
  if (state === undefined) return undefined;
  const pid = /^PID:\s+([1-9]\d{0,9})$/m.exec(text)?.[1];
  return { kind: "info", state, pid: pid === undefined ? undefined : Number(pid) };
}

/** Settles when it runs, or has ended; rejects with a sentence. */
export async function switchContainer(place: Place, action: "start" | "stop"): Promise<void> {
  const program = `lxc-${action}`;
  const isStart = action === "start";
  const args = isStart ? [] : ["--timeout", String(lxcDiscovery.stopWait / 1000)];
  const timeout = isStart ? lxcDiscovery.startTimeout : lxcDiscovery.stopTimeout;
  let why: string;
  try {
    const ended = await runProgram(program, [...placeArguments(place), ...args], { timeout });
    if (ended.code === 0 || /is already running|is not running/.test(ended.stderr)) return;
    why = ended.code === undefined ? `${program} does not end` : whyOf(program, ended.stderr);
  } catch (error) {
    why = whyNotRun(program, error);
  }
  throw new Error(`cannot ${action} ${place.name} of ${place.folder}: ${why}`);
}

function placeArguments({ folder, name }: Place): string[] {
  return [`--lxcpath=${folder}`, `--name=${name}`];
}

/** `lxc-start: web1: ../src/lxc/tools/lxc_start.c: main: 256 What it says`: its last line, without our names. */
function whyOf(program: string, stderr: string): string {
  const lines = stderr.trim().split("\n");
  const said = lines
    .map((line) => line.replace(/^.*?\.c: \w+: \d+ /, ""))
    .find((line) => line !== "");
  return said === undefined ? `${program} fails` : `${program} says: ${said.slice(0, 200)}`;
}

function whyNotRun(program: string, error: unknown): string {
  const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
  return isMissing ? `${program} is not installed` : `${program} cannot be run: ${String(error)}`;
}
