// A world of its own for one program: network, mounts and processes, where the system's name server is 127.0.0.1 at port 53, whoever
// that is there; 127.0.0.2 is an address as well. All of it ends with the program. Guard the test with `needs(...islandNeeds)`; root only.

import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { type Ended, runCommand } from "./command.ts";
import { tempFolder } from "./temp-folder.ts";

export const islandNeeds = ["unshare", "ip", "mount"] as const;

// Ports below 1024 are for everybody there: name servers are run as nobody.
const prepare = `
set -e
ip link set lo up
ip address add 127.0.0.2/32 dev lo
echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start
mount --bind "$1" /etc/resolv.conf
shift
exec "$@"
`;

/** @param script of this folder */
export async function runOnIsland(
  script: string,
  args: readonly string[],
  timeoutMs: number,
): Promise<Ended> {
  await using folder = await tempFolder();
  await writeFile(folder.file("resolv.conf"), "nameserver 127.0.0.1\noptions timeout:1\n");
  const words = ["--net", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"];
  const program = [process.execPath, resolve(import.meta.dirname, script), ...args];
  return await runCommand(
    "unshare",
    [...words, "sh", "-c", prepare, "island", folder.file("resolv.conf"), ...program],
    { timeoutMs },
  );
}
