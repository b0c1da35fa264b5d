// How often and how fast, by nginx: `limit_req`, `limit_conn` and `limit_rate` as our middlewares.

import { formatDuration } from "../../lib/duration.ts";
import type { Outline, Settings } from "../outline.ts";
import { shown } from "../outline.ts";
import { passes } from "./programs.ts";
import type { Directive, Scope } from "./tree.ts";
import { sizeOf } from "./values.ts";

/** In the order of nginx. */
export function limitsFor(scope: Scope, outline: Outline): Settings[] {
  const [own] = scope.own("limit_req");
  if (own !== undefined && scope.own(...passes).length > 0) {
    const text =
      "limit_req: what comes to this program by an index or try_files of another location is not counted";
    outline.note(text, own);
  }
  const rates = scope.all("limit_req").flatMap((each) => rateOf(each, scope, outline));
  const counts = scope.all("limit_conn").flatMap((each) => countOf(each, scope, outline));
  return [...rates, ...counts, ...speedOf(scope, outline)];
}

interface Zone {
  /** As our `by`. */
  readonly by: "address" | "all";
  readonly directive: Directive;
}

/** undefined = it counts by what is not understood, or is not there. */
function zoneOf(name: string, kind: "limit_req" | "limit_conn", scope: Scope): Zone | undefined {
  const directive = scope
    .every(`${kind}_zone`)
    .find(({ args }) => args.some((each) => each.startsWith(`zone=${name}:`)));
  const key = directive?.args[0] ?? "";
  const isAddress = /^\$\{?(binary_remote_addr|remote_addr)\}?$/.test(key);
  const isSite = /^\$\{?server_name\}?$/.test(key);
  if (directive === undefined || !(isAddress || isSite)) return undefined;
  return { by: isAddress ? "address" : "all", directive };
}

const inherited =
  "each of its routes counts by itself, where nginx counts together what has one zone";

function rateOf(directive: Directive, scope: Scope, outline: Outline): Settings[] {
  const said = wordsOf(directive.args);
  const zone = zoneOf(said.get("zone") ?? "", "limit_req", scope);
  const rate = zone === undefined ? undefined : wordsOf(zone.directive.args).get("rate");
  const [, count = "", unit = ""] = /^([1-9]\d{0,8})r\/([sm])$/.exec(rate ?? "") ?? [];
  const burst = /^\d{1,8}$/.test(said.get("burst") ?? "0") ? Number(said.get("burst") ?? "0") : -1;
  if (zone === undefined || count === "" || burst < 0) {
    outline.note(`limit_req ${shown(directive.args.join(" "))}: ${unread("rateLimit")}`, directive);
    return [];
  }
  if (burst > 0 && !directive.args.includes("nodelay")) {
    const text = "limit_req: what nginx makes wait, within the burst, passes at once";
    outline.note(text, directive);
  }
  if (!scope.own("limit_req").includes(directive))
    outline.note(`limit_req: ${inherited}`, directive);
  const isDry = scope.one("limit_req_dry_run")?.args[0] === "on";
  const settings = {
    average: Number(count),
    period: formatDuration(unit === "s" ? 1000 : 60_000),
    burst: burst + 1,
    ...(zone.by === "address" ? {} : { by: zone.by }),
    status: statusOf("limit_req_status", scope),
    ...(isDry ? { dryRun: true } : {}),
  };
  return [{ rateLimit: settings }];
}

function countOf(directive: Directive, scope: Scope, outline: Outline): Settings[] {
  const [name = "", most = ""] = directive.args;
  const zone = zoneOf(name, "limit_conn", scope);
  const isDry = scope.one("limit_conn_dry_run")?.args[0] === "on";
  if (zone === undefined || !/^[1-9]\d{0,4}$/.test(most) || isDry) {
    const text = `limit_conn ${shown(directive.args.join(" "))}: ${unread("concurrency")}`;
    outline.note(text, directive);
    return [];
  }
  if (!scope.own("limit_conn").includes(directive)) {
    outline.note(`limit_conn: ${inherited}`, directive);
  }
  const settings = {
    limit: Number(most),
    by: zone.by,
    status: statusOf("limit_conn_status", scope),
  };
  return [{ concurrency: settings }];
}

function speedOf(scope: Scope, outline: Outline): Settings[] {
  const rate = scope.one("limit_rate");
  const [text = ""] = rate?.args ?? [];
  if (rate === undefined || /^0+[kmg]?$/i.test(text)) return [];
  const after = scope.one("limit_rate_after")?.args[0] ?? "0";
  const isEnough = /^(\d{4,}|[1-9]\d*[kmg])$/i.test(text) && !/^0*1?0?[01]\d{2}$/.test(text);
  if (!isEnough || sizeOf(after) === undefined) {
    outline.note(`limit_rate ${shown(text)}: ${unread("bandwidth")}`, rate);
    return [];
  }
  const isWhole = /^0+[kmg]?$/i.test(after);
  return [{ bandwidth: { down: `${text}/s`, ...(isWhole ? {} : { after }) } }];
}

function unread(middleware: string): string {
  return `this is not carried over, and nothing is limited; see the middleware ${middleware}`;
}

function statusOf(name: string, scope: Scope): number {
  const [text = ""] = scope.one(name)?.args ?? [];
  return /^[45]\d\d$/.test(text) ? Number(text) : 503;
}

/** `zone=one:10m` as `zone` to `one:10m`. */
function wordsOf(args: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    args.flatMap((each) => {
      const at = each.indexOf("=");
      return at < 0 ? [] : [[each.slice(0, at), each.slice(at + 1)] as const];
    }),
  );
}
