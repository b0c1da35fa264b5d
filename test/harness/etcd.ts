// A real etcd of our own, one member or several: data in a temporary folder, ports of 127.0.0.1, and nothing
// left of it. Guard the test with `needs(...etcdNeeds)`.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { eventually, within } from "./barrier.ts";
import { runCommand } from "./command.ts";
import { freePort } from "./free-port.ts";
import { inside, type NetHost } from "./namespaces.ts";
import { findCommand } from "./needs.ts";
import { type TempFolder, tempFolder } from "./temp-folder.ts";

export const etcdNeeds = ["etcd", "etcdctl", "setpriv"] as const;

export interface EtcdOptions {
  readonly members?: number;
  /** PEM texts; clients must have a certificate of the same authority, unless told otherwise. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly anyClient?: boolean;
  /** Another host where it runs. */
  readonly on?: NetHost;
  /** Further arguments of etcd. */
  readonly args?: readonly string[];
}

export interface Etcd extends AsyncDisposable {
  /** Of each member. */
  readonly endpoints: readonly string[];
  /** `etcdctl …` as root, or as whom is said. Fails when that fails. @returns what it printed */
  ctl(args: readonly string[], options?: { user?: string; input?: string }): Promise<string>;
  /** Many keys at once, in plain HTTP. */
  putAll(pairs: readonly (readonly [key: string, value: string])[]): Promise<void>;
  remove(key: string): Promise<void>;
  /** Takes away all history up to now. */
  compact(): Promise<void>;
  /** Of one member, or all of them. */
  signal(name: "SIGSTOP" | "SIGCONT", member?: number): void;
  kill(member?: number): Promise<void>;
  /** After `kill`, with the same data. */
  startAgain(member?: number): Promise<void>;
  /** After `kill`, of the only member: as if there had never been one. */
  startEmpty(): Promise<void>;
}

interface Place {
  readonly name: string;
  readonly client: string;
  readonly peer: string;
}

export async function startEtcd(options: EtcdOptions = {}): Promise<Etcd> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await tempFolder("tidegate-etcd-"));
  const { members = 1, tls, on } = options;
  for (const [name, text] of Object.entries(tls ?? {})) await writeFile(folder.file(name), text);
  const scheme = tls === undefined ? "http" : "https";
  const places = await Promise.all(
    Array.from({ length: members }, async (_, at): Promise<Place> => ({
      name: `m${at}`,
      client: `${scheme}://${on?.address ?? "127.0.0.1"}:${await freePort()}`,
      peer: `http://127.0.0.1:${await freePort()}`,
    })),
  );
  const run = etcdctl(folder, options);
  const answers = async (endpoint: string) => {
    const { code, stderr } = await run([endpoint], ["endpoint", "health"]);
    // That it wants to know who we are is an answer.
    return code === 0 || stderr.includes("user name is empty");
  };
  const all = places.map((place) =>
    member(
      [...(on === undefined ? [] : inside(on)), ...ending],
      argumentsOf(place, places, folder, options),
      () => answers(place.client),
    ),
  );
  for (const each of all) stack.defer(() => each.kill());
  await Promise.all(all.map((each) => each.start()));
  const chosen = (at: number | undefined) =>
    all.filter((_, index) => at === undefined || index === at);
  const held = stack.move();
  const ctl: Etcd["ctl"] = async (args, { user, input } = {}) => {
    const who = user === undefined ? [] : ["--user", user];
    const alive = places.filter((_, at) => all[at]?.isUp() === true).map(({ client }) => client);
    const { code, stdout, stderr } = await run(alive, [...who, ...args], input);
    if (code === 0) return stdout;
    throw new Error(`etcdctl ${args.join(" ")} ended with ${code}: ${stderr}`);
  };
  return {
    endpoints: places.map(({ client }) => client),
    ctl,
    async compact() {
      const said = await ctl(["endpoint", "status", "--write-out", "json"]);
      const revision = /"revision":(\d+)/.exec(said)?.[1];
      if (revision === undefined) throw new Error(`there is no revision in ${said}`);
      await ctl(["compact", revision]);
    },
    ...writing(places[0]?.client ?? ""),
    signal: (name, at) => chosen(at).forEach((each) => each.signal(name)),
    kill: async (at) => void (await Promise.all(chosen(at).map((each) => each.kill()))),
    startAgain: async (at) => void (await Promise.all(chosen(at).map((each) => each.start()))),
    async startEmpty() {
      for (const { name } of places) await rm(folder.file(name), { recursive: true });
      await Promise.all(all.map((each) => each.start()));
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function argumentsOf(
  { name, client, peer }: Place,
  places: readonly Place[],
  folder: TempFolder,
  { tls, anyClient = false, args = [] }: EtcdOptions,
): string[] {
  const cluster = places.map((each) => `${each.name}=${each.peer}`).join(",");
  const pair = ["--cert-file", folder.file("cert"), "--key-file", folder.file("key")];
  // With authorities it asks everybody for a certificate.
  const trust = ["--client-cert-auth", "--trusted-ca-file", folder.file("ca")];
  return [
    ...["--name", name, "--data-dir", folder.file(name), "--log-level", "warn"],
    ...["--listen-client-urls", client, "--advertise-client-urls", client],
    ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
    ...["--initial-cluster", cluster, "--logger", "zap", "--log-outputs", "stderr"],
    // Two cores for many: an election is to need something worse than a busy machine.
    ...["--heartbeat-interval", "100", "--election-timeout", "1000"],
    ...(tls === undefined ? [] : pair),
    ...(tls === undefined || anyClient ? [] : trust),
    ...args,
  ];
}

function etcdctl(folder: TempFolder, { tls }: EtcdOptions) {
  const pair = ["--cert", folder.file("cert"), "--key", folder.file("key")];
  const trust = tls === undefined ? [] : ["--cacert", folder.file("ca"), ...pair];
  return (endpoints: readonly string[], args: readonly string[], input = "") => {
    const words = ["--endpoints", endpoints.join(","), "--command-timeout", "15s", ...trust];
    const options = { env: { ETCDCTL_API: "3" }, input, timeoutMs: 20_000 };
    return runCommand("etcdctl", [...words, ...args], options);
  };
}

/** Without the hundred milliseconds that a program like etcdctl takes. */
function writing(endpoint: string): Pick<Etcd, "putAll" | "remove"> {
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const post = async (action: string, body: unknown) => {
    const options = { method: "POST", body: JSON.stringify(body) };
    const answer = await fetch(`${endpoint}/v3/kv/${action}`, options);
    if (!answer.ok) throw new Error(`etcd answered ${answer.status}: ${await answer.text()}`);
  };
  return {
    async putAll(pairs) {
      // As many as etcd takes in one transaction.
      for (let from = 0; from < pairs.length; from += 100) {
        const success = pairs.slice(from, from + 100).map(([key, value]) => {
          return { requestPut: { key: base64(key), value: base64(value) } };
        });
        await post("txn", { success });
      }
    },
    remove: (key) => post("deleterange", { key: base64(key) }),
  };
}

/** Whatever ends this process, a time limit included, ends etcd as well. */
const ending = ["setpriv", "--pdeathsig", "KILL"];

function member(
  [command = "", ...before]: readonly string[],
  words: readonly string[],
  answers: () => Promise<boolean>,
) {
  let child: ReturnType<typeof spawn> | undefined;
  return {
    isUp: () => child !== undefined,
    signal: (name: NodeJS.Signals) => void child?.kill(name),
    async kill() {
      const ending = child;
      child = undefined;
      if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
      const exited = once(ending, "exit");
      ending.kill("SIGKILL");
      await within(exited, 10_000, "the end of etcd");
    },
    async start() {
      const program = findCommand("etcd") ?? "etcd";
      const started = spawn(command, [...before, program, ...words], {
        stdio: ["ignore", "ignore", "pipe"],
      });
      child = started;
      let log = "";
      started.stderr?.on(
        "data",
        (bytes: Buffer) => (log = `${log}${bytes.toString()}`.slice(-20_000)),
      );
      await eventually(
        "etcd to answer",
        async () => {
          if (started.exitCode !== null) throw new Error(`etcd ended:\n${log}`);
          return (await answers()) ? true : undefined;
        },
        30_000,
      );
    },
  };
}
