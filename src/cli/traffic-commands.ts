// The part of the command line that is about single requests.

import { type Command, InvalidArgumentError } from "commander";
import { recording as limits } from "../config/traffic-limits.ts";
import { parseDuration } from "../lib/duration.ts";
import { parseSize } from "../lib/size.ts";
import { parseStatus } from "../traffic/filter.ts";
import { type Common, common, type Finish, running } from "./operating-command.ts";

interface LogFlags extends Common {
  readonly follow: boolean;
  readonly lines: number;
  readonly access: boolean;
  readonly route?: string;
  readonly status?: string;
  readonly method?: string;
  readonly text?: string;
  readonly from?: string;
  readonly slower?: string;
  readonly failed: boolean;
}

export function addTrafficCommands(program: Command, finish: Finish): void {
  addLogs(program, finish);
  addRecords(program, finish);
  addSupport(program, finish);
  running(program, "traffic", "show requests and tunnels that are open, or cut one", [
    "tidegate traffic",
    "tidegate traffic --close 4711-9f2c51-12",
    "tidegate logs -f --failed",
  ])
    .option("--open", "what is open now, which is what it does without it", true)
    .option("--close <id>", "cut this one")
    .action(({ close, ...options }: Common & { close?: string }) =>
      finish(async () => {
        const { openExchanges, closeExchange } = await import("./traffic.ts");
        if (close !== undefined) return closeExchange(close, common(options));
        return openExchanges(common(options));
      }),
    );
}

function addSupport(program: Command, finish: Finish): void {
  running(
    program,
    "support",
    "gather state, log and facts of the system in an archive, without secrets",
    ["tidegate support", "tidegate support --output /tmp/tidegate.tar.gz"],
  )
    .option("--output <file>", "where to; otherwise tidegate-support-TIME.tar.gz in this folder")
    .action(({ output, ...options }: Common & { output?: string }) =>
      finish(async () => (await import("./support.ts")).support(output, common(options))),
    );
}

function addRecords(program: Command, finish: Finish): void {
  running(program, "record <route>", "record the next requests of a route, with their answers", [
    "tidegate record shop.example.com --count 20",
    "tidegate record shop.example.com --wait --for 1m && tidegate records 1 --har > shop.har",
  ])
    .option("--count <count>", "how many", readNumber(1, limits.mostCount), limits.count)
    .option("--bodies <size>", "how much of each body is kept: 64KiB, or 0", readBytes, limits.body)
    .option("--for <time>", "when it ends at the latest: 10m", readTime, limits.time)
    .option("--with-secrets", "keep cookies, credentials and tokens, too", false)
    .option("--wait", "until it has ended", false)
    .action((route: string, flags: Common & RecordFlags) =>
      finish(async () => {
        const { count, bodies: body, for: time, withSecrets, wait } = flags;
        const wish = { ...common(flags), count, body, time, withSecrets, wait };
        return (await import("./record.ts")).startRecord(route, wish);
      }),
    );
  running(program, "records [id]", "list what was recorded, or print one record", [
    "tidegate records",
    "tidegate records 1 --har > shop.har",
    "tidegate records 1 --curl",
  ])
    .option("--har", "as an HTTP Archive, for browsers and other tools", false)
    .option("--curl", "as commands for a shell", false)
    .option("--delete", "delete it", false)
    .action((id: string | undefined, flags: Common & PrintFlags) =>
      finish(async () => {
        const { deleteRecord, listRecords, printRecord } = await import("./record.ts");
        if (id === undefined) return listRecords(common(flags));
        if (flags.delete) return deleteRecord(id, common(flags));
        const format = flags.har ? "har" : flags.curl ? "curl" : "json";
        return printRecord(id, format, common(flags));
      }),
    );
  running(program, "replay <record>", "send a record to another backend, and compare the answers", [
    "tidegate replay 1 --to http://127.0.0.1:3001",
    "tidegate replay 1 --to http://127.0.0.1:3001 --ignore etag --ignore set-cookie",
  ])
    .requiredOption("--to <url>", "where to")
    .option("--all", "also what may change something: POST, PUT, DELETE …", false)
    .option("--ignore <field>", "a field that may differ; again for another", collected, [])
    .option("--timeout <time>", "for each answer", readTime, 30_000)
    .option("--insecure", "do not check certificates", false)
    .action((id: string, flags: Common & ReplayFlags) =>
      finish(async () => {
        const { to, all, ignore, timeout, insecure } = flags;
        const { replay } = await import("./record-replay.ts");
        return replay(id, { ...common(flags), to, all, ignore, timeout, insecure });
      }),
    );
}

interface RecordFlags {
  readonly count: number;
  readonly bodies: number;
  readonly for: number;
  readonly withSecrets: boolean;
  readonly wait: boolean;
}

interface PrintFlags {
  readonly har: boolean;
  readonly curl: boolean;
  readonly delete: boolean;
}

interface ReplayFlags {
  readonly to: string;
  readonly all: boolean;
  readonly ignore: readonly string[];
  readonly timeout: number;
  readonly insecure: boolean;
}

function readNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : -1;
    if (number >= least && number <= most) return number;
    throw new InvalidArgumentError(`Write a number from ${least} to ${most}.`);
  };
}

function readTime(text: string): number {
  const read = parseDuration(text, limits.mostTime);
  if (read.kind === "ms" && read.ms >= 1000) return read.ms;
  throw new InvalidArgumentError("Write a time from 1s to 1h.");
}

function readBytes(text: string): number {
  const size = parseSize(text);
  if (size.kind === "bytes" && size.bytes <= limits.mostBody) return size.bytes;
  throw new InvalidArgumentError(
    `Write a size up to ${limits.mostBody / 1024 ** 2}MiB, like 64KiB.`,
  );
}

function collected(name: string, before: readonly string[]): readonly string[] {
  return [...before, name];
}

function addLogs(program: Command, finish: Finish): void {
  running(
    program,
    "logs",
    "show the latest lines of the diagnostics log; with a filter requests, as they end",
    [
      "tidegate logs -f",
      "tidegate logs -f --route shop --status 5xx",
      "tidegate logs -f --slower 500ms --json | jq .target",
      "tidegate logs --failed",
    ],
  )
    .option("-f, --follow", "go on with those to come", false)
    .option("-n, --lines <count>", "lines of the log to begin with", readCount, 100)
    .option("--access", "requests; without --follow those that failed or were slow", false)
    .option("--route <name>", "requests of this route")
    .option("--status <status>", "404, 5xx or 500-503", checkStatus)
    .option("--method <method>", "GET, say")
    .option("--text <text>", "anywhere in host, path or query")
    .option("--from <network>", "address or network of the client")
    .option("--slower <time>", "500ms, say: at least so slow")
    .option("--failed", "failures of ours, and statuses of 500 and more", false)
    .action((options: LogFlags) =>
      finish(async () => {
        const { follow, lines } = options;
        const wish = wishOf(options);
        if (wish === undefined) {
          return (await import("./logs.ts")).logs({ ...common(options), follow, lines });
        }
        const { trafficLog } = await import("./logs-traffic.ts");
        return trafficLog(wish, { ...common(options), follow });
      }),
    );
}

/** undefined = the diagnostics log is meant. */
function wishOf(flags: LogFlags): Readonly<Record<string, string>> | undefined {
  const { route, status, method, text, from, slower } = flags;
  const said = Object.entries({ route, status, method, text, from, slower }).flatMap(
    ([name, value]): [string, string][] => (value === undefined ? [] : [[name, value]]),
  );
  if (flags.failed) said.push(["failed", "true"]);
  return said.length === 0 && !flags.access ? undefined : Object.fromEntries(said);
}

function readCount(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError("Write a number of lines.");
  return Number(text);
}

function checkStatus(text: string): string {
  if (parseStatus(text) !== undefined) return text;
  throw new InvalidArgumentError("Write a status like 404, 5xx or 500-503.");
}
