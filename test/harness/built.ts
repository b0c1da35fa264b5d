// What the scripts build for installation, made for a test into its own folder, as fast as they can.

import { resolve } from "node:path";
import { runCommand } from "./command.ts";

const scripts = resolve(import.meta.dirname, "../../scripts");

/** Runs scripts/NAME.mjs and returns the path of the file that it made. */
export async function built(
  name: "deb" | "image",
  folder: string,
  args: readonly string[] = [],
): Promise<string> {
  const words = [`${scripts}/${name}.mjs`, "--fast", "--out", folder, ...args];
  const { code, stdout, stderr } = await runCommand(process.execPath, words, {
    timeoutMs: 120_000,
  });
  if (code !== 0) throw new Error(`scripts/${name}.mjs ended with ${code}\n${stdout}\n${stderr}`);
  return stdout.trim().split("\n").at(-1) ?? "";
}
