// Asks libvirt by its own program, virsh: a process for a batch of commands, and one that stays for events.
// Domains are named by their UUIDs, since a batch is a text in which a name could say anything.

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import type { Readable } from "node:stream";
import { discovery } from "../../config/provider-limits.ts";
import { textAt } from "../../lib/json.ts";
import { whole } from "../../lib/whole-child.ts";

export interface VirshOptions {
  /** Milliseconds. */
  readonly timeout?: number;
  /** Not by the read-only socket, which everybody may use. */
  readonly mayChange?: boolean;
}

export class Virsh {
  readonly #uri: string;

  constructor(uri: string) {
    this.#uri = uri;
  }

  /** What each command wrote, in order; "" for one that failed. Throws a sentence when libvirt cannot be asked. */
  async batch(commands: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
    // What domains say of themselves is in the answers, and cannot say this.
    const mark = randomBytes(16).toString("hex");
    // The last command counts for how virsh ends: whether the daemon is still there.
    const script = [...commands, "hostname"].map((each) => `echo ${mark}; ${each}`).join("; ");
    const output = await this.command(script, signal);
    return output
      .split(mark)
      .slice(1, -1)
      .map((text) => text.trim());
  }

  /** What it wrote. Throws a sentence when it failed. */
  async command(
    command: string,
    signal: AbortSignal,
    { timeout = discovery.answerTimeout, mayChange = false }: VirshOptions = {},
  ): Promise<string> {
    const late = AbortSignal.timeout(timeout);
    try {
      return await outputOf(this.#spawn(command, AbortSignal.any([signal, late]), mayChange));
    } catch (error) {
      if (signal.aborted) throw error;
      const reason = late.aborted ? `no answer within ${timeout / 1000} s` : reasonOf(error);
      throw new Error(`cannot ask libvirt at ${this.#uri}: ${reason}`, { cause: error });
    }
  }

  /** Calls `changed` at every event, the first time once it listens. Rejects when it cannot any longer. */
  async events(changed: () => void, signal: AbortSignal): Promise<void> {
    const child = this.#spawn("uri; event --all --loop", signal, false);
    // The URI comes when it is connected, and events are asked for at once; one that is lost in between is
    // made up for by a second listing.
    let second: NodeJS.Timeout | undefined;
    const told = () => {
      second ??= setTimeout(changed, discovery.quiet * 2);
      changed();
    };
    // It says that it was disconnected, and goes on waiting.
    child.stderr.on("data", (piece: Buffer) => {
      if (/error|disconnected/i.test(piece.toString())) child.kill("SIGKILL");
    });
    try {
      await ended(child, told);
    } catch (error) {
      if (signal.aborted) return;
      throw new Error(`cannot ask libvirt at ${this.#uri}: ${reasonOf(error)}`, { cause: error });
    } finally {
      clearTimeout(second);
    }
  }

  #spawn(script: string, signal: AbortSignal, mayChange: boolean): VirshProcess {
    const words = ["--quiet", ...(mayChange ? [] : ["--readonly"]), `--connect=${this.#uri}`];
    return whole(
      "virsh",
      spawn("virsh", [...words, script], {
        stdio: ["ignore", "pipe", "pipe"],
        // Its words are read by a program.
        env: { ...process.env, LC_ALL: "C" },
        signal,
        killSignal: "SIGKILL",
      }),
    );
  }
}

class VirshFailure extends Error {}

type VirshProcess = ChildProcessByStdio<null, Readable, Readable>;

async function outputOf(child: VirshProcess): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  await ended(child, (piece) => {
    length += piece.length;
    if (length > discovery.answerBytes) child.kill("SIGKILL");
    else pieces.push(piece);
  });
  return Buffer.concat(pieces).toString();
}

/** Settles when it has ended well. */
async function ended(child: VirshProcess, told: (piece: Buffer) => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let said = "";
  let failure: unknown;
  child.stdout.on("data", told);
  child.stderr.on("data", (piece: Buffer) => (said = `${said}${piece.toString()}`.slice(-4096)));
  child.on("error", (error) => (failure = error));
  child.on("close", (code) => {
    if (code === 0) resolve();
    else reject(failure ?? new VirshFailure(said.trim() || "virsh was ended, or said too much"));
  });
  return promise;
}

function reasonOf(error: unknown): string {
  if (textAt(error, "code") === "ENOENT") {
    return "the program virsh is missing; install it (Debian: libvirt-clients)";
  }
  if (!(error instanceof VirshFailure)) return String(error);
  const lines = error.message.split("\n").filter((line) => line.trim() !== "");
  // The last line says what is behind the ones before it.
  const said = (lines.at(-1) ?? "").replace(/^error: /, "").trim();
  if (/permission denied|authentication|access denied/i.test(said)) {
    return `${said}; add the user that runs Tidegate to the group libvirt and restart it`;
  }
  if (/no such file|connection refused/i.test(said)) {
    return `${said}; is libvirt running there? (its service is libvirtd)`;
  }
  return said;
}
