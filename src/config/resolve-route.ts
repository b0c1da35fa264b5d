// A route as the file says it → as the Snapshot holds it. Here are the checks that need more than one
// key: exactly one thing answers, services exist, `true` and short forms find the route's own path.

import { statSync } from "node:fs";
import { resolve } from "node:path";
import { checkNames } from "./certified.ts";
import { given, isGiven, report } from "./context.ts";
import type { Context } from "./context.ts";
import type { Path } from "./problem.ts";
import { resolveHsts } from "./resolve-hsts.ts";
import { resolveMatch } from "./resolve-match.ts";
import { resolveMaintenance } from "./resolve-health.ts";
import { resolveMount } from "./resolve-mount.ts";
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
  checkAnswers(context, input, path);
  const service = serviceOf(context, name, input, path);
  const middlewares = [
    ...redirects(context, input),
    ...rewrites(context, input, match?.prefix, path),
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

export function folderOf(context: Context, folder: string | undefined, path: Path) {
  if (folder === undefined) return undefined;
  const place = resolve(context.baseFolder, folder);
  if (!statSync(place, { throwIfNoEntry: false })?.isDirectory()) {
    report(context, path, { message: `${place} is not a folder` });
  }
  return place;
}

function checkAnswers(context: Context, input: RouteInput, path: Path): void {
  const isSaid = (each: (typeof answers)[number]) =>
    input[each] !== undefined && input[each] !== false;
  const isPartial = isForSome(input.redirect);
  const all = answers.filter((each) => isSaid(each) && !(each === "redirect" && isPartial));
  // Several of the short forms are one service, as far as they go together.
  const short = shortForms.find((each) => all.includes(each));
  const said = all.filter((each) => each === short || !isShortForm(each));
  const [first, ...more] = said;
  if (first === undefined) {
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
  const last = (input.redirect?.length ?? 0) - 1;
  for (const [index, each] of (input.redirect ?? []).entries()) {
    if (!isForAll(each) || index === last) continue;
    const message = "a redirect without pattern is for all requests: those after it never come";
    report(context, [...path, "redirect", index], { message, remedy: "put it last" });
  }
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

type Redirect = NonNullable<RouteInput["redirect"]>[number];

function isToHttps(redirect: Redirect | undefined): boolean {
  return redirect?.to === "https" && redirect.pattern === undefined;
}

function isForAll(redirect: Redirect): boolean {
  return redirect.pattern === undefined && !isToHttps(redirect);
}

/** With patterns, or to https, it lets others go on. */
export function isForSome(redirect: RouteInput["redirect"]): boolean {
  return redirect?.every((each) => !isForAll(each)) === true;
}

/** Those that look at the URL as it was asked for, and let others go on. */
function redirects(context: Context, { forceHttps, redirect }: RouteInput): MiddlewareUse[] {
  const uses: MiddlewareUse[] = [];
  const toHttps = redirect?.find(isToHttps);
  if (forceHttps !== undefined) {
    const { status = 308, port } = forceHttps;
    uses.push({ kind: "forceHttps", status, port });
  } else if (toHttps !== undefined) {
    uses.push({ kind: "forceHttps", status: toHttps.status, port: context.securePort });
  }
  for (const { pattern, to, status } of redirect ?? []) {
    if (pattern !== undefined) uses.push({ kind: "redirectMatch", ...pattern, to, status });
  }
  return uses;
}

// In the order they run: take away, replace, put in front.
function rewrites(context: Context, input: RouteInput, own: string | undefined, path: Path) {
  const uses: MiddlewareUse[] = [];
  const ownPrefix = (name: string): string => {
    if (own === undefined) {
      const message = `${name} needs to know the prefix, and this route has no path of its own`;
      const remedy =
        name === "stripPrefix" ? "write the prefix instead of true" : "write { from, to }";
      report(context, [...path, name], { message, remedy });
    }
    return withoutSlash(own ?? "/");
  };
  const { stripPrefix, replacePrefix, replacePath, addPrefix } = input;
  if (stripPrefix === true) {
    uses.push({ kind: "stripPrefix", prefixes: [ownPrefix("stripPrefix")] });
  } else if (Array.isArray(stripPrefix)) {
    uses.push({ kind: "stripPrefix", prefixes: stripPrefix.map(withoutSlash) });
  }
  if (typeof replacePrefix === "string") {
    const from = ownPrefix("replacePrefix");
    uses.push({ kind: "replacePrefix", from, to: withoutSlash(replacePrefix) });
  } else if (replacePrefix !== undefined) {
    const { from, to } = replacePrefix;
    uses.push({ kind: "replacePrefix", from: withoutSlash(from), to: withoutSlash(to) });
  }
  if (replacePath !== undefined) {
    const { pattern, flags } = replacePath.pattern;
    const whole = flags === "" ? pattern : `(?${flags}:${pattern})`;
    uses.push({ kind: "replacePath", pattern: whole, replacement: replacePath.replacement });
  }
  if (addPrefix !== undefined) uses.push({ kind: "addPrefix", prefix: withoutSlash(addPrefix) });
  return uses;
}

function answerers(context: Context, input: RouteInput, path: Path): MiddlewareUse[] {
  const { redirect, respond, whoami } = input;
  const always = redirect?.find(isForAll);
  if (always !== undefined) return [{ kind: "redirect", to: always.to, status: always.status }];
  if (respond !== undefined) {
    const { status = 200, body = "", contentType = "text/plain; charset=utf-8" } = respond;
    // RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5.
    if (body !== "" && [204, 205, 304].includes(status)) {
      const message = `an answer with status ${status} has no body`;
      report(context, [...path, "respond", "body"], { message, remedy: "leave it out" });
    }
    return [{ kind: "respond", status, body, contentType }];
  }
  return whoami === true ? [{ kind: "whoami" }] : [];
}

// "/" stays: there is no shorter prefix.
function withoutSlash(prefix: string): string {
  return prefix.replace(/(?<=.)\/+$/, "");
}
