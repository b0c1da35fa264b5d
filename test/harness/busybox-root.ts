// A root file system of static busybox: it asks for its address by DHCP, and its web server on port 80 says the
// name of the guest at /cgi-bin/name.

import { chmod, copyFile, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runCommand } from "./command.ts";
import { findCommand } from "./needs.ts";

const folders = ["bin", "sbin", "etc", "proc", "sys", "dev", "tmp", "run", "var", "www/cgi-bin"];

export async function makeBusyboxRoot(root: string): Promise<void> {
  for (const each of folders) await mkdir(join(root, each), { recursive: true });
  await copyFile(findCommand("busybox") ?? "/bin/busybox", join(root, "bin/busybox"));
  const applets = (await runCommand("busybox", ["--list"])).stdout.trim().split("\n");
  for (const each of applets.filter((name) => name !== "busybox")) {
    await symlink("/bin/busybox", join(root, "bin", each));
  }
  await symlink("/bin/busybox", join(root, "sbin/init"));
  const write = async (name: string, text: string, mode = 0o644) => {
    await writeFile(join(root, name), text);
    await chmod(join(root, name), mode);
  };
  await write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
  await write("etc/group", "root:x:0:\n");
  await write("etc/inittab", inittab);
  await write("etc/rc", startScript, 0o755);
  await write("etc/udhcpc.sh", leaseScript, 0o755);
  await write("www/cgi-bin/name", nameScript, 0o755);
}

const inittab = `::sysinit:/etc/rc
::respawn:/bin/httpd -f -p 80 -h /www
::ctrlaltdel:/bin/halt
`;

const startScript = `#!/bin/sh
export PATH=/bin
ip link set lo up
udhcpc -i eth0 -s /etc/udhcpc.sh -x hostname:$(hostname) -b -t 20 -T 1
`;

const leaseScript = `#!/bin/sh
export PATH=/bin
case $1 in
 deconfig) ip link set $interface up ;;
 bound|renew) ip addr add $ip/$mask dev $interface 2>/dev/null; [ "$router" ] && ip route replace default via $router ;;
esac
true
`;

const nameScript = `#!/bin/sh
printf "Content-Type: text/plain\\r\\n\\r\\n"
hostname
`;
