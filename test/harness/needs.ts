// What a test needs from the machine. `{ skip: needs("nginx") }` skips by name where the part is missing;
// where REQUIRE_PARTS lists it (as CI does) a missing part is a failure, so that nothing is skipped silently.

import { accessSync, constants, existsSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";

const extraFolders = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/** A reason to skip, or false. What begins with a slash is a file of a part that has no program. */
export function needs(...commands: readonly string[]): string | false {
  const isThere = (each: string) =>
    each.startsWith("/") ? existsSync(each) : findCommand(each) !== undefined;
  const missing = commands.filter((command) => !isThere(command));
  if (missing.length === 0) return false;
  const required = new Set((process.env["REQUIRE_PARTS"] ?? "").split(",").map((x) => x.trim()));
  const demanded = missing.filter((command) => required.has(command));
  if (demanded.length > 0) {
    throw new Error(`REQUIRE_PARTS asks for ${demanded.join(", ")}, which this machine lacks`);
  }
  return `needs ${missing.join(", ")}`;
}

/** Full path of a program, looked up in PATH and the folders of system programs. */
export function findCommand(command: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...extraFolders];
  return folders
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, command))
    .find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false; // not there, or not ours to run: both mean "missing"
  }
}
