// A program of the operator that changes the DNS: called with what to do, the name and the value.

import { spawn } from "node:child_process";
import { acmeLimits as limits } from "../../config/acme-limits.ts";
import type { HookSettings } from "../../config/acme-settings.ts";
import { whole } from "../../lib/whole-child.ts";
import { plain } from "../problem.ts";
import type { DnsProvider } from "./provider.ts";

export function hookProvider({ command }: HookSettings): DnsProvider {
  return {
    set: (name, value, signal) => runHook(command, ["set", name, value], signal),
    remove: (name, value, signal) => runHook(command, ["remove", name, value], signal),
  };
}

/** It gets our environment: many have their credentials there. It ends in time, or is ended. */
async function runHook(
  [program = "", ...args]: readonly string[],
  words: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const ending = AbortSignal.any([signal, AbortSignal.timeout(limits.hook)]);
  const child = whole(
    `the hook ${program}`,
    spawn(program, [...args, ...words], {
      stdio: ["ignore", "ignore", "pipe"],
      signal: ending,
      killSignal: "SIGKILL",
    }),
  );
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-limits.hookOutput);
  });
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  child.once("error", (error) => resolve(`cannot be run: ${error.message}`));
  // What it left behind may hold its stderr open for ever.
  child.once("exit", (code, by) => {
    setImmediate(() => {
      child.stderr.destroy();
      resolve(code === 0 ? undefined : `ended with ${code ?? by}`);
    });
  });
  const trouble = await promise;
  signal.throwIfAborted();
  if (trouble === undefined) return;
  const why = ending.aborted ? `did not end within ${limits.hook / 1000} s` : trouble;
  const more = plain(said, limits.hookOutput);
  throw new Error(
    `the hook ${program} ${words[0]} ${words[1]} ${why}${more === "" ? "" : `: ${more}`}`,
  );
}
