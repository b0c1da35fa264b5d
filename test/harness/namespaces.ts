// Hosts of their own on this machine: network namespaces on a bridge, each with one cable that can be cut. Ours
// is the first address of the bridge, so that a test reaches all of them.
//
// A guard, a process in a session of its own, takes everything down once its standard input ends: when they are
// disposed of, and also when this process is killed. Root only.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { within } from "./barrier.ts";
import { runCommand } from "./command.ts";

export interface NetHost {
  /** Of its namespace. */
  readonly name: string;
  readonly address: string;
  /** Packets vanish, in both directions. */
  cut(): Promise<void>;
  mend(): Promise<void>;
  /** Packets to this address of the network vanish, and to no other. */
  lose(address: string): Promise<void>;
  find(address: string): Promise<void>;
}

export interface Namespaces extends AsyncDisposable {
  readonly hosts: readonly NetHost[];
  /** Our own address in their network. */
  readonly address: string;
  /** It is ours as well. */
  readonly otherAddress: string;
}

export const namespaceNeeds = ["ip", "bash", "setsid"] as const;

/** How to start a program there. */
export function inside(host: NetHost): readonly [string, ...string[]] {
  return ["ip", "netns", "exec", host.name];
}

export async function startNamespaces(count: number): Promise<Namespaces> {
  const id = process.pid.toString(36); // names of interfaces have 15 characters at most
  const bridge = `tgn${id}`;
  // Another network for each process that tests, as good as any.
  const network = `172.26.${1 + (process.pid % 250)}.`;
  const names = Array.from({ length: count }, (_, at) => `tgn${id}h${at}`);
  const guard = spawn("setsid", ["bash", "-c", takeDown, "guard", bridge, ...names], {
    stdio: ["pipe", "ignore", "ignore"],
  });
  const gone = once(guard, "exit");
  const dispose = async () => {
    guard.stdin.end();
    await within(gone, 30_000, "namespaces to be taken down");
  };
  try {
    await ip("link", "add", bridge, "type", "bridge");
    for (const each of ["1", "2"]) {
      await ip("address", "add", `${network}${each}/24`, "dev", bridge);
    }
    await ip("link", "set", bridge, "up");
    const hosts: NetHost[] = [];
    for (const [at, name] of names.entries()) {
      const address = `${network}${10 + at}`;
      await ip("netns", "add", name);
      await ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name);
      await ip("link", "set", name, "master", bridge, "up");
      await ip("-n", name, "link", "set", "lo", "up");
      await ip("-n", name, "address", "add", `${address}/24`, "dev", "eth0");
      await ip("-n", name, "link", "set", "eth0", "up");
      hosts.push({
        name,
        address,
        // Our end: inside it, addresses and routes would go with the link.
        cut: () => ip("link", "set", name, "down"),
        mend: () => ip("link", "set", name, "up"),
        // They go to a card that nobody has.
        lose: (lost) => neighbour(name, "replace", lost, "lladdr", "02:00:00:00:00:01"),
        find: (lost) => neighbour(name, "del", lost),
      });
    }
    const [address, otherAddress] = [`${network}1`, `${network}2`];
    return { hosts, address, otherAddress, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function neighbour(host: string, ...words: readonly string[]): Promise<void> {
  return ip("-n", host, "neighbour", ...words, "dev", "eth0");
}

async function ip(...words: readonly string[]): Promise<void> {
  const { code, stderr } = await runCommand("ip", words);
  if (code !== 0) throw new Error(`ip ${words.join(" ")} ended with ${code}: ${stderr}`);
}

// What still runs in them is ours: nobody else knows their names.
const takeDown = `
bridge=$1
shift
cat >/dev/null
for name; do
  for process in $(ip netns pids "$name" 2>/dev/null); do kill -KILL "$process"; done
  ip link delete "$name"
  ip netns delete "$name"
done
ip link delete "$bridge"
`;
