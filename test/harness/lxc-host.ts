// LXC containers in a folder of their own, on a bridge of their own with DHCP: static busybox with a web server
// that says the container's name. All have one root file system. A container starts within 50 ms.
//
// A guard, a process in a session of its own, takes everything down once its standard input ends: when the
// host is disposed of, and also when this process is killed.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { within } from "./barrier.ts";
import { makeBusyboxRoot } from "./busybox-root.ts";
import { type Ended, runCommand } from "./command.ts";
import { freeSubnet } from "./subnet.ts";

export interface LxcHost extends AsyncDisposable {
  /** Folder of the containers. */
  readonly path: string;
  /** A path beside that folder. */
  beside(name: string): string;
  readonly bridge: string;
  /** Begin of the IPv4 network, with a dot, and of the IPv6 network, with two colons. */
  readonly v4: string;
  readonly v6: string;
  /** A container with these further lines in its configuration. It has no address unless they say one. */
  make(name: string, lines?: readonly string[]): Promise<void>;
  /** The configuration that `make` would write. */
  configOf(name: string, lines?: readonly string[]): string;
  start(...names: readonly string[]): Promise<void>;
  /** Kills it. */
  kill(name: string): Promise<void>;
  /** `lxc-TOOL -P … -n NAME …`. Fails when that fails. */
  lxc(tool: string, name: string, args?: readonly string[]): Promise<Ended>;
  /** Of its first process. Fails when it has none. */
  pidOf(name: string): Promise<number>;
  /** Command lines of programs that listen to LXC for these containers. */
  monitors(): Promise<string[]>;
  remove(name: string): Promise<void>;
}

/** What a test that uses it needs, besides root. */
export const lxcNeeds = [
  ...["lxc-start", "lxc-stop", "lxc-info", "lxc-monitor", "lxc-attach"],
  ...["busybox", "dnsmasq", "ip", "bash", "setsid"],
] as const;

/** In a configuration: its address comes from DHCP. */
export const byDhcp = "lxc.environment = DHCP=yes";

export interface LxcHostOptions {
  /** Parts of the path below the temporary folder. */
  readonly below?: string;
}

export async function startLxcHost({ below = "lxc" }: LxcHostOptions = {}): Promise<LxcHost> {
  const folder = await mkdtemp(join(tmpdir(), "tidegate-lxc-"));
  await chmod(folder, 0o755);
  const path = join(folder, below);
  const root = join(folder, "root");
  const { v4, third } = freeSubnet("lxc");
  const bridge = `tgx${process.pid}`; // names of interfaces have 15 characters at most
  const v6 = `fd00:27:${third}::`;
  const guard = spawn("setsid", ["bash", "-c", takeDown, "guard", folder, path, bridge], {
    stdio: ["pipe", "ignore", "ignore"],
  });
  const gone = once(guard, "exit");
  const dispose = async () => {
    guard.stdin.end();
    await within(gone, 60_000, "LXC to be taken down");
  };
  try {
    await mkdir(path, { recursive: true });
    await makeRoot(root);
    // With an address of its own, or it changes with who hangs on it, and containers lose their way to us.
    const address = cardOf("the bridge");
    await must("ip", ["link", "add", bridge, "address", address, "type", "bridge"]);
    await must("ip", ["address", "add", `${v4}1/24`, "dev", bridge]);
    await must("ip", ["address", "add", `${v6}1/64`, "dev", bridge, "nodad"]);
    await must("ip", ["link", "set", bridge, "up"]);
    await must("dnsmasq", [
      ...["--conf-file=/dev/null", "--port=0", "--no-ping", "--dhcp-authoritative", "--user=root"],
      ...[`--interface=${bridge}`, "--except-interface=lo", "--bind-interfaces"],
      ...[`--dhcp-range=${v4}100,${v4}150,1h`, `--dhcp-leasefile=${join(folder, "leases")}`],
      ...[
        `--pid-file=${join(folder, "dnsmasq.pid")}`,
        `--log-facility=${join(folder, "dnsmasq.log")}`,
      ],
    ]);
  } catch (error) {
    await dispose();
    throw error;
  }
  const lxc: LxcHost["lxc"] = (tool, name, args = []) =>
    must(`lxc-${tool}`, ["-P", path, "-n", name, ...args]);
  const configOf: LxcHost["configOf"] = (name, lines = []) =>
    [
      ...(lines.some((line) => line.startsWith("lxc.uts.name")) ? [] : [`lxc.uts.name = ${name}`]),
      `lxc.rootfs.path = dir:${root}`,
      ...["lxc.apparmor.profile = unconfined", "lxc.signal.halt = SIGUSR1", "lxc.autodev = 1"],
      ...["lxc.tty.max = 0", "lxc.mount.auto = cgroup:mixed proc:mixed sys:ro"],
      ...["lxc.net.0.type = veth", `lxc.net.0.link = ${bridge}`],
      ...["lxc.net.0.flags = up", "lxc.net.0.name = eth0"],
      // As lxc-create writes it; with another one at each start nobody gets there for five seconds.
      `lxc.net.0.hwaddr = ${cardOf(name)}`,
      ...lines,
      "",
    ].join("\n");
  return {
    path,
    beside: (name) => join(folder, name),
    bridge,
    v4,
    v6,
    lxc,
    configOf,
    async make(name, lines = []) {
      await mkdir(join(path, name));
      await writeFile(join(path, name, "config"), configOf(name, lines));
    },
    async start(...names) {
      for (const name of names) await lxc("start", name);
    },
    kill: async (name) => void (await lxc("stop", name, ["-k"])),
    async pidOf(name) {
      const pid = Number((await lxc("info", name, ["-pH"])).stdout);
      if (pid > 0) return pid;
      throw new Error(`${name} has no process`);
    },
    async monitors() {
      const { stdout } = await runCommand("ps", ["-eo", "args"]);
      const isOne = (line: string) => line.startsWith("lxc-monitor ") && line.includes(folder);
      return stdout.split("\n").filter(isOne);
    },
    remove: (name) => rm(join(path, name), { recursive: true }),
    [Symbol.asyncDispose]: dispose,
  };
}

async function makeRoot(root: string): Promise<void> {
  await makeBusyboxRoot(root);
  await writeFile(join(root, "etc/rc"), startScript);
  await writeFile(join(root, "www/cgi-bin/index.cgi"), nameScript);
  await chmod(join(root, "www/cgi-bin/index.cgi"), 0o755);
}

const startScript = `#!/bin/sh
export PATH=/bin
ip link set lo up
[ "$DHCP" = yes ] && udhcpc -i eth0 -s /etc/udhcpc.sh -b -t 20 -T 1 >/dev/null 2>&1 &
true
`;

function cardOf(name: string): string {
  const digits = createHash("sha256").update(name).digest("hex").slice(0, 6);
  return `00:16:3e${digits.replaceAll(/../g, ":$&")}`;
}

/** What busybox's web server runs for a folder without a page. */
const nameScript = `#!/bin/sh
printf "Content-Type: text/plain\\r\\n\\r\\n"
hostname
`;

async function must(program: string, args: readonly string[]): Promise<Ended> {
  const ended = await runCommand(program, args, { timeoutMs: 30_000 });
  if (ended.code === 0) return ended;
  throw new Error(`${program} ${args.join(" ")} ended with ${ended.code}: ${ended.stderr}`);
}

// A monitor daemon of LXC's stays for half a minute after its last listener; this one is ours.
const takeDown = `
folder=$1 path=$2 bridge=$3
cat >/dev/null
for config in "$path"/*/; do
  timeout 10 lxc-stop -P "$path" -n "$(basename "$config")" -k
done
[ -s "$folder/dnsmasq.pid" ] && kill "$(cat "$folder/dnsmasq.pid")"
for process in /proc/[0-9]*; do
  words=$(tr '\\0' ' ' <"$process/cmdline")
  case $words in */lxc-monitord\\ "$folder"/*) kill "\${process#/proc/}" ;; esac
done 2>/dev/null
ip link delete "$bridge"
rm -rf --one-file-system "$folder" "/run/lxc/lock$folder" "/run/lxc$folder"
`;
