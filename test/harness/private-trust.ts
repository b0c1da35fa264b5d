// Commands that change whom the system trusts, run where only they see it: with copies of the system's stores in their own
// mount namespace. Root only, and for the layout of Debian.

import { join } from "node:path";
import { type Ended, runCommand } from "./command.ts";
import { tempFolder } from "./temp-folder.ts";

export const privateTrustNeeds = ["unshare", "mount", "update-ca-certificates", "sh"] as const;

export interface PrivateTrust extends AsyncDisposable {
  /** A home of root, and one of somebody else; without anything in them. */
  readonly home: string;
  readonly otherHome: string;
  /** As root. One after the other they see what those before them did. */
  run(program: string, ...args: readonly string[]): Promise<Ended>;
  /** As root, for the somebody else. */
  sudo(program: string, ...args: readonly string[]): Promise<Ended>;
}

const script = `
set -e
mount --bind "$1/certs" /etc/ssl
mount --bind "$1/local" /usr/local/share/ca-certificates
mount --bind "$1/passwd" /etc/passwd
shift
exec "$@"
`;

/** Nobody on any machine. */
const otherId = 54_321;

const prepare = `
set -e
cp -a /etc/ssl "$1/certs"
mkdir "$1/local" "$1/home" "$1/other"
cp /etc/passwd "$1/passwd"
echo "tidegate-test:x:$2:$2::$1/other:/bin/sh" >> "$1/passwd"
chown "$2:$2" "$1/other"
chmod 755 "$1"
`;

export async function privateTrust(): Promise<PrivateTrust> {
  const folder = await tempFolder("tidegate-trust-");
  const made = await runCommand("sh", ["-c", prepare, "sh", folder.path, String(otherId)]);
  if (made.code !== 0) throw new Error(made.stderr);
  const home = join(folder.path, "home");
  const started = (env: Readonly<Record<string, string | undefined>>, words: readonly string[]) =>
    runCommand(
      "unshare",
      ["-m", "--propagation", "private", "sh", "-c", script, "sh", folder.path, ...words],
      { env: { HOME: home, ...env }, timeoutMs: 60_000 },
    );
  const sudo = { SUDO_UID: String(otherId), SUDO_GID: String(otherId) };
  return {
    ...{ home, otherHome: join(folder.path, "other") },
    // Whoever runs the tests may have used sudo.
    run: (...words) => started({ SUDO_UID: undefined, SUDO_GID: undefined }, words),
    sudo: (...words) => started(sudo, words),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
