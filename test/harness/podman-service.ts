// Podman's service with an API like Docker's: own storage, containers and networks, beside any other Podman.
//
// A guard, a process in a session of its own, takes everything down once its standard input ends: when the
// service is disposed of, and also when this process is killed. Podman leaves rules in the machine's firewall
// and switches forwarding on; both are put back, the rules only where there were none before. Two at a time
// would take rules from one another: the guard waits until it is alone.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { eventually, within } from "./barrier.ts";
import { runCommand } from "./command.ts";
import type { DockerEngine } from "./docker-engine.ts";
import { findCommand } from "./needs.ts";
import { tempFolder } from "./temp-folder.ts";
import { freeSubnet } from "./subnet.ts";

export interface PodmanService extends AsyncDisposable {
  readonly endpoint: string;
  /** `podman …` on the same containers, which the service need not run for. */
  readonly docker: DockerEngine["docker"];
  /** SIGKILL for the service; containers go on. */
  kill(): Promise<void>;
  /** After `kill`. */
  startAgain(): Promise<void>;
}

/** What a test that uses it needs, besides root. */
export const podmanNeeds = [
  ...["podman", "runc", "iptables", "ip", "setpriv", "bash", "flock"],
] as const;

export async function startPodman(): Promise<PodmanService> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await tempFolder("tidegate-podman-"));
  const bridge = `tgp${process.pid}`; // names of interfaces have 15 characters at most
  const words = [
    ...["--root", folder.file("root"), "--runroot", folder.file("run")],
    ...["--tmpdir", folder.file("tmp"), "--network-config-dir", folder.file("net")],
  ];
  for (const each of ["root", "run", "tmp", "net"]) await mkdir(folder.file(each));
  await writeFile(folder.file("containers.conf"), configuration);
  await writeFile(folder.file("net/podman.json"), defaultNetwork(bridge));
  const env = { CONTAINERS_CONF: folder.file("containers.conf") };
  const guard = spawn("bash", ["-c", takeDown, "guard", folder.path, bridge, ...words], {
    stdio: ["pipe", "pipe", "ignore"],
    env: { ...process.env, ...env },
    detached: true,
    cwd: import.meta.dirname,
  });
  const gone = once(guard, "exit");
  stack.defer(async () => {
    guard.stdin.end();
    await within(gone, 60_000, "Podman to be taken down");
  });
  await within(once(guard.stdout, "data"), 200_000, "other tests with Podman to end");
  const docker: PodmanService["docker"] = async (args, { mayFail = false } = {}) => {
    const ended = await runCommand("podman", [...words, ...args], { env, timeoutMs: 60_000 });
    if (ended.code === 0 || mayFail) return ended;
    throw new Error(`podman ${args.join(" ")} ended with ${ended.code}: ${ended.stderr}`);
  };
  const endpoint = `unix://${folder.file("podman.sock")}`;
  let service: ChildProcess | undefined;
  const kill = async () => {
    const exited = service === undefined ? undefined : once(service, "exit");
    service?.kill("SIGKILL");
    await exited;
    service = undefined;
  };
  const startAgain = async () => {
    service = await startService([...words, "system", "service", "--time=0", endpoint], env);
  };
  stack.defer(kill);
  await startAgain();
  const held = stack.move();
  return { endpoint, docker, kill, startAgain, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

async function startService(
  words: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<ChildProcess> {
  const program = ["--pdeathsig", "KILL", findCommand("podman") ?? "podman"];
  const child = spawn("setpriv", [...program, ...words], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...env },
  });
  let log = "";
  child.stderr.on("data", (bytes: Buffer) => (log = `${log}${bytes.toString()}`.slice(-20_000)));
  const socket = (words.at(-1) ?? "").slice("unix://".length);
  await eventually(
    "Podman to answer",
    async () => {
      if (child.exitCode !== null) throw new Error(`podman ended:\n${log}`);
      const ask = ["-sf", "-m", "3", "--unix-socket", socket, "http://podman/_ping"];
      return (await runCommand("curl", ask)).code === 0 || undefined;
    },
    30_000,
  );
  return child;
}

// Its usual limits are refused where nothing may raise hard ones, crun and systemd where there is no systemd.
const configuration = `[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
default_subnet_pools = [{"base" = "172.27.0.0/16", "size" = 24}]
`;

function defaultNetwork(bridge: string): string {
  const { v4 } = freeSubnet("podman");
  return JSON.stringify({
    name: "podman",
    id: "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9",
    driver: "bridge",
    network_interface: bridge,
    created: "2024-01-01T00:00:00Z",
    subnets: [{ subnet: `${v4}0/24`, gateway: `${v4}1` }],
    ipv6_enabled: false,
    internal: false,
    dns_enabled: false,
    ipam_options: { driver: "host-local" },
  });
}

const takeDown = `
folder=$1 bridge=$2; shift 2
exec 9<. && flock -w 200 9 || exit 1
forwarding=$(sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding 2>/dev/null | tr -d ' ')
before=$(iptables-save 2>/dev/null | grep -c NETAVARK)
echo alone
cat >/dev/null
timeout 30 podman "$@" pod rm -af -t 0
timeout 30 podman "$@" rm -af -t 0
podman "$@" network ls -q | grep -vx podman | while read -r each; do podman "$@" network rm "$each"; done
awk -v a="$folder/" 'index($2,a)==1{print $2}' /proc/mounts | sort -r | while read -r each; do umount "$each"; done
ip link delete "$bridge"
[ "$before" = 0 ] && for tool in iptables ip6tables; do for table in filter nat; do
  $tool -t $table -S | grep '^-A.*-j NETAVARK' | sed 's/^-A/-D/' | while read -r rule; do eval "$tool -t $table $rule"; done
  for action in F X; do
    $tool -t $table -S | awk '/^-N NETAVARK/{print $2}' | while read -r chain; do $tool -t $table -$action "$chain"; done
  done
done; done
printf '%s\\n' "$forwarding" | sysctl -q -p -
rm -rf --one-file-system "$folder"
`;
