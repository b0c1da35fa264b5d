// The unit file of systemd, made from the template in packaging/, and where the program lies that it
// starts. What systemd's sandbox hides from the program is refused here, with a better message.

import { readFileSync, realpathSync } from "node:fs";
import { join, resolve } from "node:path";

/** The folder of this package, whether it runs from src or from dist. */
const packageFolder = resolve(import.meta.dirname, "../..");

export const launcher = realpathSync(join(packageFolder, "bin", "tidegate"));

export interface UnitWords {
  readonly program: string;
  readonly config: string;
  readonly user: string;
  readonly group: string;
}

export function unitText(words: UnitWords): string {
  const values = new Map(Object.entries(words));
  return packaged("tidegate.service").replaceAll(/@([a-z]+)@/g, (all, word: string) =>
    quoted(values.get(word) ?? all),
  );
}

/** A file that came with the program. */
export function packaged(name: string): string {
  return readFileSync(join(packageFolder, "packaging", name), "utf8");
}

/** Where ProtectHome= and PrivateTmp= of the unit let nobody look. */
const hidden = ["/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/"];

/** Why the service could not use this path, or undefined. */
export function faultOfPath(path: string): string | undefined {
  const folder = hidden.find((each) => path.startsWith(each));
  return folder === undefined
    ? undefined
    : `${path} is below ${folder.slice(0, -1)}, which the service cannot see`;
}

/** systemd reads % as the start of a specifier and blanks as the end of a word. */
function quoted(value: string): string {
  const escaped = value.replaceAll("%", "%%").replaceAll("$", "$$$$");
  return /[\s"'\\;]/.test(escaped)
    ? `"${escaped.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`
    : escaped;
}
