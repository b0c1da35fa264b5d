// A Docker Engine of our own beside any other: own socket, data, and bridge, and no hand on the machine's
// firewall or forwarding. Ports that a container publishes on 127.0.0.1 are reached there.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import { eventually, within } from "./barrier.ts";
import { type Ended, runCommand } from "./command.ts";
import { findCommand } from "./needs.ts";
import { tempFolder } from "./temp-folder.ts";
import { freeSubnet } from "./subnet.ts";

export interface DockerEngine extends AsyncDisposable {
  /** `unix://PATH`, as clients are told it. */
  readonly endpoint: string;
  /** `docker …` against this engine. Fails when that fails, unless told otherwise. */
  docker(args: readonly string[], options?: { mayFail?: boolean }): Promise<Ended>;
  /** To the daemon alone; containers do not notice. */
  signal(name: "SIGSTOP" | "SIGCONT"): void;
  /** SIGKILL for the daemon; containers go on. */
  kill(): Promise<void>;
  /** After `kill`, with the same socket and data. */
  startAgain(): Promise<void>;
}

export interface DockerEngineOptions {
  /** Containers go on while the daemon is away, and are its own again when it is back. */
  readonly liveRestore?: boolean;
  /** Further addresses to listen at. */
  readonly hosts?: readonly string[];
  /** Further arguments of dockerd. */
  readonly args?: readonly string[];
}

/** What a test that uses it needs. */
export const dockerEngineNeeds = ["dockerd", "docker", "ip", "setpriv"] as const;

const startTimeoutMs = 60_000;

export async function startDockerEngine(options: DockerEngineOptions = {}): Promise<DockerEngine> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await tempFolder("tidegate-docker-"));
  const bridge = `tg${process.pid}`; // names of interfaces have 15 characters at most
  await must("ip", ["link", "add", bridge, "type", "bridge"]);
  stack.defer(async () => void (await runCommand("ip", ["link", "delete", bridge])));
  const { v4 } = freeSubnet("docker");
  await must("ip", ["address", "add", `${v4}1/24`, "dev", bridge]);
  await must("ip", ["link", "set", bridge, "up"]);
  const socket = `unix://${folder.file("docker.sock")}`;
  const { liveRestore = false, hosts = [], args = [] } = options;
  const words = [
    ...[socket, ...hosts].flatMap((each) => ["--host", each]),
    ...["--data-root", folder.file("data"), "--exec-root", folder.file("exec")],
    ...["--pidfile", folder.file("pid"), "--bridge", bridge, "--iptables=false"],
    ...["--ip6tables=false", "--ip-masq=false", "--ip-forward=false"],
    ...(liveRestore ? ["--live-restore"] : []),
    ...args,
  ];
  const docker: DockerEngine["docker"] = async (args, { mayFail = false } = {}) => {
    const ended = await runCommand("docker", ["--host", socket, ...args], { timeoutMs: 60_000 });
    if (ended.code === 0 || mayFail) return ended;
    throw new Error(`docker ${args.join(" ")} ended with ${ended.code}: ${ended.stderr}`);
  };
  const answers = async () => (await docker(["version"], { mayFail: true })).code === 0;
  let daemon = startDaemon(words);
  stack.defer(() => unmount(folder.path));
  stack.defer(() => daemon.end());
  await daemon.ready(answers);
  const startAgain = async () => {
    if (!daemon.hasEnded()) return;
    // It ended with the daemon. Until the machine's first process notices, it looks alive, and is waited for.
    await rm(folder.file("exec/containerd/containerd.pid"), { force: true });
    daemon = startDaemon(words);
    await daemon.ready(answers);
  };
  stack.defer(async () => {
    daemon.child.kill("SIGCONT");
    // Only the daemon can take its containers and networks down.
    await startAgain();
    await removeAll(docker);
  });
  const held = stack.move();
  return {
    endpoint: socket,
    docker,
    signal: (name) => void daemon.child.kill(name),
    kill: () => daemon.kill(),
    startAgain,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

interface Dockerd {
  readonly child: ChildProcess;
  readonly hasEnded: () => boolean;
  ready(answers: () => Promise<boolean>): Promise<void>;
  kill(): Promise<void>;
  end(): Promise<void>;
}

function startDaemon(words: readonly string[]): Dockerd {
  // Whatever ends this process, a time limit included, ends the engine as well.
  const program = ["--pdeathsig", "TERM", findCommand("dockerd") ?? "dockerd"];
  const child = spawn("setpriv", [...program, ...words], { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (bytes: Buffer) => (log = `${log}${bytes.toString()}`.slice(-20_000)));
  }
  const exited = once(child, "exit");
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  return {
    child,
    hasEnded,
    async ready(answers) {
      await eventually(
        "dockerd to answer",
        async () => {
          if (hasEnded()) throw new Error(`dockerd ended:\n${log}`);
          return (await answers()) ? true : undefined;
        },
        startTimeoutMs,
      );
    },
    async kill() {
      child.kill("SIGKILL");
      await within(exited, 10_000, "the end of dockerd");
    },
    async end() {
      child.kill("SIGTERM");
      await within(exited, 30_000, "the end of dockerd").catch(() => child.kill("SIGKILL"));
    },
  };
}

/** Before the daemon ends: it would wait ten seconds for each container that does not listen. */
async function removeAll(docker: DockerEngine["docker"]): Promise<void> {
  const containers = await idsOf(docker, ["ps", "--all"]);
  if (containers.length > 0) await docker(["rm", "--force", ...containers]);
  // Their bridges would stay.
  const networks = await idsOf(docker, ["network", "ls", "--filter", "type=custom"]);
  if (networks.length > 0) await docker(["network", "rm", ...networks]);
}

async function idsOf(docker: DockerEngine["docker"], words: readonly string[]): Promise<string[]> {
  const { stdout } = await docker([...words, "--quiet"]);
  return stdout.split("\n").filter((id) => id !== "");
}

/** It leaves network namespaces mounted, when it was killed even its data; such folders cannot be removed. */
async function unmount(folder: string): Promise<void> {
  const lines = (await readFile("/proc/mounts", "utf8")).split("\n");
  const places = lines.map((line) => line.split(" ")[1] ?? "");
  const ours = places.filter((place) => place.startsWith(`${folder}/`));
  for (const place of ours.reverse()) await runCommand("umount", [place]);
}

async function must(program: string, args: readonly string[]): Promise<void> {
  const { code, stderr } = await runCommand(program, args);
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${code}: ${stderr}`);
}
