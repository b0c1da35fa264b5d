// `tidegate support`: what somebody needs to know who helps, in one archive: what the program shows, its log, and the
// system it runs on. Nothing in it lets anybody in.

import { readFileSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import { resolve } from "node:path";
import { askControl } from "../admin/control-client.ts";
import { readStatus } from "../admin/answers.ts";
import { readDump } from "../admin/configuration-answer.ts";
import { programVersion } from "../lib/version.ts";
import { plain } from "./plain.ts";
import { ask, type CommandOptions, placeOf, printJson } from "./running.ts";
import { type ArchivedFile, archiveOf } from "./support-archive.ts";
import { redacted, textOf } from "./support-redact.ts";
import { noAnswerTo } from "./traffic-answer.ts";
import { shortSize } from "./units.ts";

/** As the program answers them. */
const questions: Readonly<Record<string, string>> = {
  "status.json": "/v1/status",
  "settings.json": "/api/v1/settings",
  "routes.json": "/v1/routes",
  "services.json": "/v1/services",
  "workers.json": "/v1/workers",
  "providers.json": "/v1/discovery",
  "certificates.json": "/v1/certificates",
  "fleet.json": "/v1/nodes",
  "cache.json": "/v1/cache",
  "open.json": "/api/v1/exchanges",
  "history.json": "/v1/store/history",
  "measures.json": "/api/v1/measures",
};

const waitMs = 15_000;
const logLines = 2000;

/** Returns the exit code. */
export async function support(
  output: string | undefined,
  options: CommandOptions,
): Promise<number> {
  const path = placeOf(options);
  // It must be there; anything else may be missing.
  const status = await ask(path, { route: "/v1/status", timeoutMs: waitMs });
  const at = Date.now();
  const name = `tidegate-support-${new Date(at).toISOString().slice(0, 19).replaceAll(/[T:]/g, "-")}`;
  const said = await Promise.all(
    Object.entries(questions).map(([file, route]) => answered(path, file, route)),
  );
  const files: ArchivedFile[] = [
    { path: "system.json", text: json(systemFacts(readStatus(status.body)?.mainPid)) },
    ...said.flat(),
    ...(await dumped(path)),
    await lines(path, "log.ndjson", `/v1/log?lines=${logLines}&follow=false`),
    await lines(path, "requests.ndjson", "/api/v1/traffic"),
  ];
  const place = resolve(output ?? `${name}.tar.gz`);
  const archive = archiveOf(
    files.map((each) => ({ ...each, path: `${name}/${each.path}` })),
    at,
  );
  try {
    writeFileSync(place, archive, { mode: 0o600, flag: "wx" });
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw noAnswerTo(`the archive cannot be written: ${cause}`);
  }
  if (options.json) printJson({ file: place, bytes: archive.length });
  else process.stdout.write(`${plain(place)} (${shortSize(archive.length)}); ${advice}\n`);
  return 0;
}

const advice = "look through it before you give it away: host names, addresses and paths are in it";

async function answered(path: string, file: string, route: string): Promise<ArchivedFile[]> {
  const answer = await askControl(path, { route, timeoutMs: waitMs });
  if (answer.kind === "answer" && answer.status === 200) {
    return [{ path: file, text: json(redacted(answer.body)) }];
  }
  // What is missing for want of an answer says more than what is there.
  const why = answer.kind === "answer" ? `status ${answer.status}` : answer.kind;
  return [{ path: file, text: json({ notAnswered: why }) }];
}

async function dumped(path: string): Promise<ArchivedFile[]> {
  const answer = await askControl(path, { route: "/v1/store/dump", timeoutMs: waitMs });
  const text = answer.kind === "answer" ? readDump(answer.body) : undefined;
  return text === undefined ? [] : [{ path: "configuration.yaml", text: textOf(text) }];
}

async function lines(path: string, file: string, route: string): Promise<ArchivedFile> {
  const all: string[] = [];
  const onLine = (line: string) => {
    const text = redactedLine(line);
    if (text !== undefined) all.push(text);
  };
  await askControl(path, { route, timeoutMs: waitMs, onLine });
  return { path: file, text: all.map((each) => `${each}\n`).join("") };
}

/** undefined = it is none, as the last one of a program that ends just now. */
function redactedLine(line: string): string | undefined {
  try {
    return JSON.stringify(redacted(JSON.parse(line)));
  } catch {
    return undefined;
  }
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** Where the system says what; other systems than Linux do not. */
const facts = {
  release: "/etc/os-release",
  backlog: "/proc/sys/net/core/somaxconn",
  ports: "/proc/sys/net/ipv4/ip_local_port_range",
  files: "/proc/sys/fs/file-nr",
  memory: "/proc/meminfo",
  pressure: "/proc/pressure/cpu",
  group: "/proc/self/cgroup",
};

/** @param mainPid of the program; its limits may be others than ours */
function systemFacts(mainPid: number | undefined): Readonly<Record<string, unknown>> {
  const files = { ...facts, limits: `/proc/${mainPid ?? "self"}/limits` };
  return {
    version: programVersion(),
    node: process.version,
    platform: `${os.platform()} ${os.release()} ${os.arch()}`,
    cpus: os.cpus().map(({ model }) => model),
    memory: { total: os.totalmem(), free: os.freemem() },
    load: os.loadavg(),
    uptime: os.uptime(),
    ...Object.fromEntries(Object.entries(files).map(([name, file]) => [`${name}Text`, read(file)])),
  };
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
