// A libvirtd of our own, beside any other, with containers (libvirt-lxc) on a network of its own. It runs in
// namespaces of mounts and processes, with folders of its own in the place of the machine's: whatever it
// starts ends with the first process there, which ends when its standard input does.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, within } from "./barrier.ts";
import { makeBusyboxRoot } from "./busybox-root.ts";
import { type Ended, runCommand } from "./command.ts";
import { freeSubnet } from "./subnet.ts";

export interface LibvirtDaemon extends AsyncDisposable {
  /** Of its containers. */
  readonly uri: string;
  /** `virsh …` for its containers. Fails when that fails, unless told otherwise. */
  virsh(args: readonly string[], options?: { mayFail?: boolean }): Promise<Ended>;
  /** Defines a container and starts it. */
  launch(name: string, options?: LaunchOptions): Promise<void>;
  /** SIGKILL; its containers go on. */
  kill(): Promise<void>;
  /** After `kill`. */
  startAgain(): Promise<void>;
}

export interface LaunchOptions {
  /** XML within `metadata`. */
  readonly metadata?: string;
  readonly description?: string;
}

/** What a test that uses it needs, besides root. */
export const libvirtNeeds = ["libvirtd", "virsh", "busybox", "dnsmasq", "ip", "unshare"] as const;

/** Start-up takes a second or so; libvirt looks at the whole machine first. */
const readyMs = 60_000;

export async function startLibvirt(): Promise<LibvirtDaemon> {
  const folder = await mkdtemp(join(tmpdir(), "tidegate-libvirt-"));
  const bridge = `tgv${process.pid}`; // names of interfaces have 15 characters at most
  const uri = `lxc+unix:///system?socket=${folder}/socket/libvirt-sock`;
  await writeFile(join(folder, "libvirtd.conf"), configuration(folder));
  await writeFile(join(folder, "network.xml"), networkXml(bridge));
  await makeBusyboxRoot(join(folder, "root"));
  const words = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"];
  const first = spawn(
    "unshare",
    [...words, "--mount-proc", "bash", "-c", script, "first", folder, bridge, uri],
    { stdio: ["pipe", "pipe", "ignore"], detached: true },
  );
  const gone = once(first, "exit");
  let said = "";
  first.stdout.on("data", (bytes: Buffer) => (said += bytes.toString()));
  const tell = async (word: string) => {
    const before = said.length;
    first.stdin.write(`${word}\n`);
    await eventually(`libvirt to ${word}`, () => said.length > before || undefined, readyMs);
  };
  const virsh: LibvirtDaemon["virsh"] = async (args, { mayFail = false } = {}) => {
    const ended = await runCommand("virsh", ["-q", "-c", uri, ...args], { timeoutMs: 30_000 });
    if (ended.code === 0 || mayFail) return ended;
    throw new Error(`virsh ${args.join(" ")} ended with ${ended.code}: ${ended.stderr}`);
  };
  const start = async () => {
    await tell("start");
    const isUp = async () => (await virsh(["uri"], { mayFail: true })).code === 0 || undefined;
    await eventually("libvirtd to answer", isUp, readyMs);
  };
  const dispose = async () => {
    first.stdin.end();
    // Whatever hangs there ends with it.
    await within(gone, 60_000, "libvirt to be taken down").catch(() => first.kill("SIGKILL"));
    await runCommand("rm", ["-rf", "--one-file-system", folder]);
  };
  try {
    await start();
    await virsh(["net-create", join(folder, "network.xml")]);
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    uri,
    virsh,
    async launch(name, options = {}) {
      const file = join(folder, `${name}.xml`);
      await writeFile(file, domainXml(name, join(folder, "root"), options));
      await virsh(["define", file]);
      await virsh(["start", name]);
    },
    kill: () => tell("kill"),
    startAgain: start,
    [Symbol.asyncDispose]: dispose,
  };
}

function configuration(folder: string): string {
  return `listen_tls = 0
listen_tcp = 0
unix_sock_dir = "${folder}/socket"
unix_sock_group = "root"
auth_unix_ro = "none"
auth_unix_rw = "none"
`;
}

function networkXml(bridge: string): string {
  const { v4 } = freeSubnet("libvirt");
  // Without a ping of an address before it is given away, which takes three seconds.
  return `<network xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'>
  <name>tidegate</name>
  <forward mode='open'/>
  <bridge name='${bridge}' stp='off' delay='0'/>
  <ip address='${v4}1' netmask='255.255.255.0'>
    <dhcp><range start='${v4}100' end='${v4}200'/></dhcp>
  </ip>
  <dnsmasq:options><dnsmasq:option value='no-ping'/></dnsmasq:options>
</network>
`;
}

function domainXml(name: string, root: string, options: LaunchOptions): string {
  const { metadata = "", description = "" } = options;
  return `<domain type='lxc'>
  <name>${name}</name>
  <description>${description}</description>
  <metadata>${metadata}</metadata>
  <memory unit='MiB'>64</memory><vcpu>1</vcpu>
  <os><type>exe</type><init>/bin/init</init></os>
  <devices>
    <filesystem type='mount'><source dir='${root}'/><target dir='/'/></filesystem>
    <interface type='network'><source network='tidegate'/><guest dev='eth0'/></interface>
    <console type='pty'/>
  </devices>
</domain>
`;
}

// libvirt-lxc dies of the second hierarchy of control groups that mixed machines have.
const script = `
folder=$1 bridge=$2 uri=$3
forward=$(cat /proc/sys/net/ipv4/ip_forward)
mountpoint -q /sys/fs/cgroup/unified && umount /sys/fs/cgroup/unified
mkdir /run/libvirt 2>/dev/null && isOurs=yes
mkdir -p "$folder"/{socket,etc,run,lib,log,cache}
cp -r /etc/libvirt/. "$folder/etc" 2>/dev/null
rm -rf "$folder"/etc/qemu/networks "$folder"/etc/qemu/autostart "$folder"/etc/lxc
mount --bind "$folder/etc" /etc/libvirt
mount --bind "$folder/run" /run/libvirt
mount --bind "$folder/lib" /var/lib/libvirt
mount --bind "$folder/log" /var/log/libvirt
mount --bind "$folder/cache" /var/cache/libvirt
while read -r word; do
  case $word in
    start) libvirtd -f "$folder/libvirtd.conf" -p "$folder/libvirtd.pid" >/dev/null 2>"$folder/libvirtd.log" & daemon=$! ;;
    kill) kill -KILL $daemon; wait $daemon 2>/dev/null ;;
  esac
  echo done
done
kill -0 $daemon 2>/dev/null || {
  libvirtd -f "$folder/libvirtd.conf" -p "$folder/libvirtd.pid" & daemon=$!
  for _ in $(seq 50); do timeout 1 virsh -q -c "$uri" uri >/dev/null && break; sleep 0.1; done
}
for each in $(timeout 10 virsh -q -c "$uri" list --uuid); do
  timeout 20 virsh -q -c "$uri" destroy "$each" & ends+=($!)
done
for each in \${ends[@]}; do wait $each; done
timeout 10 virsh -q -c "$uri" net-destroy tidegate
ip link delete "$bridge" 2>/dev/null
kill -TERM $daemon
for _ in $(seq 100); do kill -0 $daemon || break; sleep 0.1; done
umount /run/libvirt && [ "$isOurs" ] && rmdir /run/libvirt
echo "$forward" >/proc/sys/net/ipv4/ip_forward
rm -rf --one-file-system "$folder"
`;
