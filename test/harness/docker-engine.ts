// A Docker Engine of our own beside any other: own socket, data, and bridge, and no hand on the machine's
// firewall or forwarding. Ports that a container publishes on 127.0.0.1 are reached there.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { eventually, within } from "./barrier.ts";
import { type Ended, runCommand } from "./command.ts";
import { findCommand } from "./needs.ts";
import { tempFolder } from "./temp-folder.ts";

export interface DockerEngine extends AsyncDisposable {
  /** `docker …` against this engine. Fails when that fails, unless told otherwise. */
  docker(args: readonly string[], options?: { mayFail?: boolean }): Promise<Ended>;
}

/** What a test that uses it needs. */
export const dockerEngineNeeds = ["dockerd", "docker", "ip", "setpriv"] as const;

const startTimeoutMs = 60_000;

export async function startDockerEngine(): Promise<DockerEngine> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await tempFolder("tidegate-docker-"));
  const bridge = `tg${process.pid}`; // names of interfaces have 15 characters at most
  await must("ip", ["link", "add", bridge, "type", "bridge"]);
  stack.defer(async () => void (await runCommand("ip", ["link", "delete", bridge])));
  // Another network for each process that tests, as good as any.
  await must("ip", ["address", "add", `172.29.${100 + (process.pid % 100)}.1/24`, "dev", bridge]);
  await must("ip", ["link", "set", bridge, "up"]);
  const socket = `unix://${folder.file("docker.sock")}`;
  const daemon = spawn(
    // Whatever ends this process, a time limit included, ends the engine as well.
    "setpriv",
    [
      ...["--pdeathsig", "TERM", findCommand("dockerd") ?? "dockerd"],
      ...["--host", socket, "--data-root", folder.file("data"), "--exec-root", folder.file("exec")],
      ...["--pidfile", folder.file("pid"), "--bridge", bridge, "--iptables=false"],
      ...["--ip6tables=false", "--ip-masq=false", "--ip-forward=false"],
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let log = "";
  for (const stream of [daemon.stdout, daemon.stderr]) {
    stream.on("data", (bytes: Buffer) => (log = `${log}${bytes.toString()}`.slice(-20_000)));
  }
  const exited = once(daemon, "exit");
  stack.defer(() => unmount(folder.file("exec")));
  stack.defer(async () => {
    daemon.kill("SIGTERM");
    await within(exited, 30_000, "the end of dockerd").catch(() => daemon.kill("SIGKILL"));
  });
  const docker: DockerEngine["docker"] = async (args, { mayFail = false } = {}) => {
    const ended = await runCommand("docker", ["--host", socket, ...args], { timeoutMs: 60_000 });
    if (ended.code === 0 || mayFail) return ended;
    throw new Error(`docker ${args.join(" ")} ended with ${ended.code}: ${ended.stderr}`);
  };
  await eventually(
    "dockerd to answer",
    async () => {
      if (daemon.exitCode !== null) throw new Error(`dockerd ended:\n${log}`);
      return (await docker(["version"], { mayFail: true })).code === 0 ? true : undefined;
    },
    startTimeoutMs,
  );
  stack.defer(() => removeContainers(docker));
  const held = stack.move();
  return { docker, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** Before the daemon ends: it would wait ten seconds for each that does not listen. */
async function removeContainers(docker: DockerEngine["docker"]): Promise<void> {
  const { stdout } = await docker(["ps", "--all", "--quiet"]);
  const all = stdout.split("\n").filter((id) => id !== "");
  if (all.length > 0) await docker(["rm", "--force", ...all]);
}

/** It leaves its network namespaces mounted, and folders with mounts cannot be removed. */
async function unmount(execRoot: string): Promise<void> {
  const names = await readdir(`${execRoot}/netns`).catch(() => []);
  for (const name of names) await runCommand("umount", [`${execRoot}/netns/${name}`]);
}

async function must(program: string, args: readonly string[]): Promise<void> {
  const { code, stderr } = await runCommand(program, args);
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${code}: ${stderr}`);
}
