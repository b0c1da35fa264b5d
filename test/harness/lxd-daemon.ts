// A LXD daemon of our own beside any other: own folder, storage and bridge, no hand on the machine's firewall,
// an image of busybox whose web server answers on port 80. Instances start in a fifth of a second.
//
// A guard, a process in a session of its own, takes everything down once its standard input ends: when the
// daemon is disposed of, and also when this process is killed.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, within } from "./barrier.ts";
import { makeBusyboxRoot } from "./busybox-root.ts";
import { type Ended, runCommand } from "./command.ts";
import { findCommand } from "./needs.ts";
import { freeSubnet } from "./subnet.ts";

export interface LxdDaemon extends AsyncDisposable {
  readonly socket: string;
  /** Name of the bridge. */
  readonly bridge: string;
  /** `lxc …` against this daemon. Fails when that fails, unless told otherwise. */
  lxc(args: readonly string[], options?: { mayFail?: boolean }): Promise<Ended>;
  /** Makes and starts an instance; `words` as for `lxc launch`. */
  launch(name: string, words?: readonly string[]): Promise<void>;
  /** SIGKILL; instances go on. */
  kill(): Promise<void>;
  /** After `kill`. */
  startAgain(): Promise<void>;
}

/** What a test that uses it needs, besides root. */
export const lxdNeeds = [
  "lxd",
  "lxc",
  "busybox",
  "dnsmasq",
  "tar",
  "ip",
  "setsid",
  "bash",
] as const;

const readyMs = 60_000;

export async function startLxd(): Promise<LxdDaemon> {
  // Unprivileged instances have to get through to their root file systems.
  const folder = await mkdtemp(join(tmpdir(), "tidegate-lxd-"));
  await chmod(folder, 0o711);
  const bridge = `tgl${process.pid}`; // names of interfaces have 15 characters at most
  const home = join(folder, "lxd");
  await mkdir(home);
  const guard = spawn("bash", ["-c", takeDown, "guard", folder, home, bridge, await forwarding()], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  const gone = once(guard, "exit");
  const dispose = async () => {
    guard.stdin.end();
    await within(gone, 60_000, "LXD to be taken down");
  };
  const env = { LXD_DIR: home, LXD_CONF: join(folder, "conf") };
  const lxc: LxdDaemon["lxc"] = async (args, { mayFail = false } = {}) => {
    const ended = await runCommand("lxc", ["-q", ...args], { env, timeoutMs: 60_000 });
    if (ended.code === 0 || mayFail) return ended;
    throw new Error(`lxc ${args.join(" ")} ended with ${ended.code}: ${ended.stderr}`);
  };
  let daemon: ChildProcess | undefined;
  const start = async () => {
    daemon = await startProcess(env, join(folder, "pid"));
  };
  try {
    await start();
    const ended = await runCommand("lxd", ["init", "--preseed"], {
      env,
      input: preseed(bridge),
      timeoutMs: readyMs,
    });
    if (ended.code !== 0) throw new Error(`lxd init: ${ended.stderr}`);
    await lxc(["image", "import", await makeImage(folder), "--alias", "bb"]);
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    socket: join(home, "unix.socket"),
    bridge,
    lxc,
    launch: async (name, words = []) => void (await lxc(["launch", "bb", name, ...words])),
    async kill() {
      const ended = daemon === undefined ? undefined : once(daemon, "exit");
      daemon?.kill("SIGKILL");
      await ended;
    },
    startAgain: start,
    [Symbol.asyncDispose]: dispose,
  };
}

async function startProcess(
  env: Readonly<Record<string, string>>,
  pidFile: string,
): Promise<ChildProcess> {
  const program = findCommand("lxd") ?? "lxd";
  const daemon = spawn(program, ["--group", "root"], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...env },
    detached: true,
  });
  let log = "";
  daemon.stderr?.on("data", (bytes: Buffer) => (log = `${log}${bytes.toString()}`.slice(-20_000)));
  await writeFile(pidFile, `${daemon.pid}`);
  await eventually(
    "LXD to be ready",
    async () => {
      if (daemon.exitCode !== null) throw new Error(`lxd ended:\n${log}`);
      const words = ["waitready", "--timeout", "1"];
      return (await runCommand("lxd", words, { env })).code === 0 || undefined;
    },
    readyMs,
  );
  return daemon;
}

/** Values that LXD changes for the whole machine. */
async function forwarding(): Promise<string> {
  const names = ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"];
  const { stdout } = await runCommand("sysctl", names);
  return stdout.replaceAll(" ", "").trim();
}

function preseed(bridge: string): string {
  const { v4, third } = freeSubnet("lxd");
  const network = {
    name: bridge,
    type: "bridge",
    config: {
      "ipv4.address": `${v4}1/24`,
      "ipv4.nat": "false",
      "ipv4.firewall": "false",
      "ipv6.address": `fd00:28:${third}::1/64`,
      "ipv6.nat": "false",
      "ipv6.firewall": "false",
    },
  };
  const devices = {
    root: { type: "disk", path: "/", pool: "default" },
    eth0: { type: "nic", network: bridge, name: "eth0" },
  };
  return JSON.stringify({
    config: {},
    storage_pools: [{ name: "default", driver: "dir" }],
    networks: [network],
    profiles: [{ name: "default", devices }],
  });
}

/** One archive with a description and a root file system. */
async function makeImage(folder: string): Promise<string> {
  await makeBusyboxRoot(join(folder, "image/rootfs"));
  const description = {
    architecture: process.arch === "arm64" ? "aarch64" : "x86_64",
    creation_date: 1_700_000_000,
    properties: { os: "busybox", description: "busybox with a web server" },
  };
  await writeFile(join(folder, "image/metadata.yaml"), JSON.stringify(description));
  const archive = join(folder, "image.tar");
  const words = ["-C", join(folder, "image"), "-cf", archive, "metadata.yaml", "rootfs"];
  const { code, stderr } = await runCommand("tar", words);
  if (code !== 0) throw new Error(`tar: ${stderr}`);
  return archive;
}

// A daemon that was killed is started again: only it can end its instances cleanly.
const takeDown = `
folder=$1 bridge=$3
export LXD_DIR=$2 LXD_CONF=$1/conf
cat >/dev/null
pid=$(cat "$folder/pid" 2>/dev/null)
if [ -n "$pid" ]; then
  if [ ! -e "/proc/$pid" ] || grep -q "State:.Z" "/proc/$pid/status"; then
    lxd --group root >/dev/null 2>&1 & pid=$!
  fi
  lxd waitready --timeout 20
  lxc -q list --all-projects -c en -f csv | while IFS=, read -r project name; do
    lxc -q delete -f --project "$project" "$name"
  done
  lxc -q network detach-profile "$bridge" default eth0
  lxc -q network delete "$bridge"
  timeout 20 lxd shutdown -t 10
  for _ in $(seq 100); do
    [ -e "/proc/$pid" ] && ! grep -q "State:.Z" "/proc/$pid/status" || break
    sleep 0.1
  done
  kill -KILL "$pid"
fi 2>/dev/null
awk -v a="$folder/" 'index($2,a)==1{print $2}' /proc/mounts | sort -r | while read -r each; do umount "$each"; done
ip link delete "$bridge" 2>/dev/null
rm -rf --one-file-system "$folder"
printf '%s\\n' "$4" | sysctl -q -p - 2>/dev/null
`;
