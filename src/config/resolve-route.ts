// A route as the file says it → as the Snapshot holds it. Here are the checks that need more than one
// key: exactly one thing answers, services exist, `true` and short forms find the route's own path.

import { statSync } from "node:fs";
import { resolve } from "node:path";
import { checkNames } from "./certified.ts";
import { given, isGiven, report } from "./context.ts";
import type { Context } from "./context.ts";
import { isAnswering, resolveList } from "./middlewares/list.ts";
import type { Listed } from "./middlewares/use.ts";
import type { Path } from "./problem.ts";
import { resolveHsts } from "./resolve-hsts.ts";
import { resolveMatch } from "./resolve-match.ts";
import { resolveMaintenance } from "./resolve-health.ts";
import { resolveMount } from "./resolve-mount.ts";
import { checkOrder, forceHttpsOf, isForAll, isForSome, isToHttps } from "./resolve-redirect.ts";
import { redirectMatches, respondOf } from "./resolve-redirect.ts";
import { addPrefixOf, replacePathOf, replacePrefixOf, stripPrefixOf } from "./resolve-rewrites.ts";
import type { AccessLogInput, RouteInput } from "./route-schema.ts";
import { timeoutsOf, useService } from "./service-graph.ts";
import type { ServiceInput } from "./service-schema.ts";
import type { AccessLog, MiddlewareUse, Route } from "./snapshot.ts";

/** Each by itself makes a service of the route's own. */
const shortForms = ["files", "fastcgi", "scgi", "uwsgi", "preset"] as const;

export const answers = [
  ...(["service", "redirect", "respond", "whoami"] as const),
  ...shortForms,
] as const;

export function resolveRoute(
  context: Context,
  name: string,
  input: RouteInput,
  path: Path,
): Route | undefined {
  const match = resolveMatch(context, name, input, path);
  const own = { ...context, ownPrefix: match?.prefix };
  const listed = resolveList(own, input.middlewares, [...path, "middlewares"]);
  checkAnswers(context, input, listed, path);
  const service = serviceOf(context, name, input, path);
  const middlewares = [
    ...redirects(context, input),
    ...listed,
    ...rewrites(own, input, path),
    ...answerers(context, input, path),
  ];
  const errorPages = folderOf(context, input.errorPages, [...path, "errorPages"]);
  const maintenance = resolveMaintenance(context, input.maintenance, [...path, "maintenance"]);
  if (match === undefined) return undefined;
  if (input.tls !== undefined) checkNames(context, match.rule, [...path, "tls"]);
  const { head: _head, idle: _idle, ...timeouts } = context.timeouts;
  return {
    name,
    origin: context.originOf(path),
    rule: match.rule,
    priority: input.priority,
    middlewares,
    service,
    maintenance,
    timeouts: { ...timeouts, ...timeoutsOf(context, service), ...given(input.timeouts) },
    maxBody: input.maxBody ?? context.maxBody,
    errorPages,
    accessLog:
      input.accessLog === undefined ? undefined : resolveAccessLog(context, input.accessLog),
    ...(input.tls === undefined ? {} : { tls: input.tls }),
    ...(input.hsts === undefined
      ? {}
      : { hsts: resolveHsts(context, input.hsts, [...path, "hsts"]) }),
    ...resolveMount(context, input, middlewares, path),
    ...(input.errorLog === undefined ? {} : { errorLog: logPlace(context, input.errorLog) }),
  };
}

function logPlace({ baseFolder }: Context, path: string): string {
  return path === "stdout" || path === "stderr" ? path : resolve(baseFolder, path);
}

export function resolveAccessLog(context: Context, input: AccessLogInput): AccessLog {
  if (typeof input === "boolean") return { enabled: input, format: "combined", path: "stdout" };
  const { format = "combined", path = "stdout" } = input;
  return { enabled: true, format, path: logPlace(context, path) };
}

export function folderOf(
  context: Pick<Context, "source" | "problems" | "baseFolder">,
  folder: string | undefined,
  path: Path,
) {
  if (folder === undefined) return undefined;
  const place = resolve(context.baseFolder, folder);
  if (!statSync(place, { throwIfNoEntry: false })?.isDirectory()) {
    report(context, path, { message: `${place} is not a folder` });
  }
  return place;
}

function checkAnswers(
  context: Context,
  input: RouteInput,
  listed: readonly Listed[],
  path: Path,
): void {
  const isSaid = (each: (typeof answers)[number]) =>
    input[each] !== undefined && input[each] !== false;
  const isPartial = isForSome(input.redirect);
  const all = answers.filter((each) => isSaid(each) && !(each === "redirect" && isPartial));
  // Several of the short forms are one service, as far as they go together.
  const short = shortForms.find((each) => all.includes(each));
  const said = all.filter((each) => each === short || !isShortForm(each));
  const [first, ...more] = said;
  const inList = listed.find(isAnswering);
  if (inList !== undefined && first !== undefined && first !== "whoami") {
    const message = `${inList.as ?? inList.kind} answers everything: ${first} is never come to`;
    const remedy = "leave out one of them";
    report(context, [...path, "middlewares"], { message, remedy, at: "key", severity: "warning" });
  }
  if (first === undefined && inList === undefined) {
    const remedy = "add service, files, redirect, respond or whoami";
    const message = isPartial
      ? `nothing answers ${isToHttps(input.redirect?.[0]) ? "those who come by https" : "where the pattern does not match"}`
      : "nothing answers";
    report(context, path, { message, remedy, at: "key" });
  }
  for (const other of more) {
    const message = `${first} answers already`;
    report(context, [...path, other], { message, remedy: "leave out one of them", at: "key" });
  }
  checkOrder(context, input.redirect ?? [], [...path, "redirect"]);
}

function isShortForm(key: (typeof answers)[number]): boolean {
  return shortForms.some((each) => each === key);
}

function serviceOf(context: Context, route: string, input: RouteInput, path: Path) {
  const { service: use, container } = input;
  const owner = { name: route, kind: "route", protocol: "http" } as const;
  const place = [...path, "service"];
  if (shortForms.some((each) => isGiven(input[each]))) {
    return use === undefined
      ? useService(context, premisesOf(input), { ...owner, path })
      : undefined;
  }
  if (container !== undefined && (use === undefined || typeof use === "string")) {
    const message = "says nothing here: it is about files, programs and unix: sockets";
    const remedy = use === undefined ? "add files" : `say it in services.${use}`;
    report(context, [...path, "container"], { message, remedy, at: "key" });
  }
  if (use === undefined) return undefined;
  const whole = typeof use === "string" ? use : { ...given({ container }), ...use };
  return useService(context, whole, { ...owner, path: place });
}

/** What a route says of files and programs beside its own keys, as the service it means. */
function premisesOf(input: RouteInput): ServiceInput {
  const { container, files, fastcgi, scgi, uwsgi, preset } = input;
  return { container, files, fastcgi, scgi, uwsgi, preset };
}

/** Those that look at the URL as it was asked for, and let others go on. */
function redirects(context: Context, { forceHttps, redirect = [] }: RouteInput): MiddlewareUse[] {
  const toHttps = redirect.find(isToHttps);
  return [
    ...(forceHttps !== undefined
      ? [forceHttpsOf(forceHttps)]
      : toHttps === undefined
        ? []
        : [{ kind: "forceHttps", status: toHttps.status, port: context.securePort } as const]),
    ...redirectMatches(redirect),
  ];
}

// In the order they run: take away, replace, put in front.
function rewrites(context: Context, input: RouteInput, path: Path): MiddlewareUse[] {
  const { stripPrefix, replacePrefix, replacePath, addPrefix } = input;
  const uses: (MiddlewareUse | undefined)[] = [];
  if (stripPrefix !== undefined) {
    uses.push(stripPrefixOf(context, stripPrefix, [...path, "stripPrefix"]));
  }
  if (replacePrefix !== undefined) {
    uses.push(replacePrefixOf(context, replacePrefix, [...path, "replacePrefix"]));
  }
  if (replacePath !== undefined) uses.push(replacePathOf(replacePath));
  if (addPrefix !== undefined) uses.push(addPrefixOf(addPrefix));
  return uses.filter(isGiven);
}

function answerers(context: Context, input: RouteInput, path: Path): MiddlewareUse[] {
  const { redirect, respond, whoami } = input;
  const always = redirect?.find(isForAll);
  if (always !== undefined) return [{ kind: "redirect", to: always.to, status: always.status }];
  if (respond !== undefined) return [respondOf(context, respond, [...path, "respond"])];
  return whoami === true ? [{ kind: "whoami" }] : [];
}
