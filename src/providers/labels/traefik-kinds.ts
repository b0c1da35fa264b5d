// The kinds of middlewares of Traefik, each with what it becomes. A kind that keeps people out and that we do
// not have closes the route; one that only makes answers nicer is left out, and said.

import { javaScriptReplacement } from "../../lib/replacement.ts";
import { readHsts } from "./nginx-hsts.ts";
import { shown, warning } from "./note.ts";
import { close, durationOf, patternOf } from "./traefik-draft.ts";
import type { Draft } from "./traefik-draft.ts";
import { readFields } from "./traefik-headers.ts";
import { readFlag, readList } from "./traefik-labels.ts";
import type { LabelValue } from "./traefik-labels.ts";
import { listKinds } from "./traefik-lists.ts";
import { list, required, skip } from "./traefik-options.ts";
import type { MiddlewareReader, Options } from "./traefik-options.ts";

/** The order in which ours run. */
const order = ["forceHttps", "redirect", "stripPrefix", "replacePath", "addPrefix"];

/** Puts one setting into the route, unless there is one already. */
function put(draft: Draft, key: string, value: unknown, label: string): void {
  if (draft.route.has(key)) {
    const message = `another middleware of this router is ${key} already, and each can be there once`;
    draft.notes.push(warning(label, `${message}; this one is not used`));
    return;
  }
  const rank = order.indexOf(key);
  const later = [...draft.route.keys()].find((each) => order.indexOf(each) > rank && rank >= 0);
  if (later !== undefined) {
    draft.notes.push(
      warning(label, `runs before ${later} here, whatever the order of the middlewares`),
    );
  }
  draft.route.set(key, value);
  draft.labels.set(`route.${key}`, label);
}

function putService(draft: Draft, key: string, value: unknown, label: string): void {
  draft.service.set(key, value);
  draft.labels.set(`service.${key}`, label);
}

/** Without the slash that paths begin with, Traefik adds it. */
function pathOf(text: string): string {
  return text.startsWith("/") ? text : `/${text}`;
}

function stripPrefix(draft: Draft, options: Options): void {
  const prefixes = required(draft, options, "prefixes");
  options.take("forceslash");
  if (prefixes === undefined) return;
  put(draft, "stripPrefix", readList(prefixes.value).map(pathOf), prefixes.label);
}

function stripPrefixRegex(draft: Draft, options: Options): void {
  const regex = required(draft, options, "regex");
  if (regex === undefined) return;
  const pattern = readList(patternOf(regex.value))
    .map((each) => `(?:${each})`)
    .join("|");
  put(draft, "replacePath", { pattern: `^(?:${pattern})`, replacement: "" }, regex.label);
}

function addPrefix(draft: Draft, options: Options): void {
  const prefix = required(draft, options, "prefix");
  if (prefix !== undefined) put(draft, "addPrefix", pathOf(prefix.value), prefix.label);
}

function replacePath(draft: Draft, options: Options): void {
  const path = required(draft, options, "path");
  if (path === undefined) return;
  const replacement = pathOf(path.value).replaceAll("$", "$$$$");
  put(draft, "replacePath", { pattern: "^.*$", replacement }, path.label);
}

function replacePathRegex(draft: Draft, options: Options): void {
  const regex = required(draft, options, "regex");
  const to = options.take("replacement");
  if (regex === undefined) return;
  const replacement = javaScriptReplacement(to?.value ?? "");
  put(draft, "replacePath", { pattern: patternOf(regex.value), replacement }, regex.label);
}

/** Those that keep the method: Traefik's 301 is one for GET alone. */
function statusOf(options: Options): 307 | 308 {
  return readFlag(options.take("permanent")?.value ?? "") === true ? 308 : 307;
}

function redirectScheme(draft: Draft, options: Options): void {
  const scheme = required(draft, options, "scheme");
  const port = options.take("port");
  const status = statusOf(options);
  if (scheme === undefined) return;
  const wanted = scheme.value.trim().toLowerCase();
  const number = Number(port?.value.trim() ?? "");
  if (wanted === "https") {
    put(draft, "forceHttps", { status, ...(number > 0 ? { port: number } : {}) }, scheme.label);
  } else if (wanted === "http") {
    addRedirect(draft, { pattern: "^https://(.*)$", to: "http://$1", status }, scheme.label);
  } else {
    close(draft, scheme.label, `there is no scheme ${shown(wanted)} to redirect to`);
  }
}

function redirectRegex(draft: Draft, options: Options): void {
  const regex = required(draft, options, "regex");
  const replacement = options.take("replacement");
  const status = statusOf(options);
  if (regex === undefined) return;
  const to = javaScriptReplacement(replacement?.value.trim() ?? "");
  addRedirect(draft, { pattern: patternOf(regex.value), to, status }, regex.label);
}

/** The first that matches counts, so there may be several. */
function addRedirect(draft: Draft, redirect: Readonly<Record<string, unknown>>, label: string) {
  const before = draft.route.get("redirect");
  if (before === undefined) put(draft, "redirect", redirect, label);
  else draft.route.set("redirect", [...(Array.isArray(before) ? before : [before]), redirect]);
}

function retry(draft: Draft, options: Options): void {
  const attempts = required(draft, options, "attempts");
  if (attempts === undefined) return;
  // Traefik counts the first one too.
  const further = Math.min(Math.max(Math.trunc(Number(attempts.value)) - 1, 0), 10);
  const statuses = options.take("status");
  const replay = options.take("maxrequestbodybytes");
  const nonIdempotent = options.take("retrynonidempotentmethod");
  const tryTimeout = options.take("timeout");
  // Ours wait a little by themselves.
  options.take("initialinterval");
  const settings = {
    attempts: Number.isNaN(further) ? attempts.value : further,
    ...(statuses === undefined ? {} : { statuses: readList(statuses.value) }),
    ...(replay === undefined || replay.value === "-1" ? {} : { replayBody: replay.value }),
    ...(nonIdempotent === undefined ? {} : { nonIdempotent: readFlag(nonIdempotent.value) }),
    ...(tryTimeout === undefined ? {} : { tryTimeout: durationOf(tryTimeout.value) }),
  };
  putService(draft, "retry", settings, attempts.label);
}

function circuitBreaker(draft: Draft, options: Options): void {
  const expression = required(draft, options, "expression");
  if (expression === undefined) return;
  const times = ["checkPeriod", "fallbackDuration", "recoveryDuration"].flatMap((key) => {
    const found = options.take(key.toLowerCase());
    return found === undefined ? [] : [[key, durationOf(found.value)] as const];
  });
  const status = options.take("responsecode");
  const settings = {
    when: expression.value,
    ...Object.fromEntries(times),
    ...(status === undefined ? {} : { status: status.value }),
  };
  putService(draft, "breaker", settings, expression.label);
}

function buffering(draft: Draft, options: Options): void {
  const most = options.take("maxrequestbodybytes");
  const answer = options.take("maxresponsebodybytes");
  // Bodies are streamed: nothing is kept in memory that would have to be bounded.
  for (const key of ["memrequestbodybytes", "memresponsebodybytes"]) options.take(key);
  if (most !== undefined) put(draft, "maxBody", most.value.trim(), most.label);
  const longest = Number(answer?.value ?? 0);
  if (answer !== undefined && longest > 0) {
    list(draft, { kind: "bodyLimit", settings: { answer: longest } }, answer.label);
  }
}

function ipAllowList(draft: Draft, options: Options): void {
  const range = required(draft, options, "sourcerange");
  const status = Number(options.take("rejectstatuscode")?.value ?? 403);
  const strategy = ["ipstrategy.depth", "ipstrategy.excludedips", "ipstrategy"]
    .map((key) => options.take(key))
    .find((each) => each !== undefined);
  const [odd] = options.rest();
  if (odd !== undefined) {
    close(draft, odd.label, "who is allowed in depends on something that is not understood");
    return;
  }
  if (range === undefined) return;
  if (strategy !== undefined) {
    const message = "the client's address is the one that the listener's trusted proxies name";
    draft.notes.push(
      warning(strategy.label, message, "set trustedProxies in the configuration file"),
    );
  }
  const isStatus = Number.isInteger(status) && status >= 400 && status <= 599;
  draft.allowed.push({ networks: readList(range.value), status: isStatus ? status : 403 });
  draft.labels.set("route.rule", range.label);
}

function headers(draft: Draft, options: Options): void {
  const hosts = options.take("allowedhosts");
  if (hosts !== undefined) {
    const remedy = "name the hosts in the router's rule instead";
    close(draft, hosts.label, "a list of allowed hosts is not there yet", remedy);
  }
  const toHttps = options.take("sslredirect");
  const temporary = options.take("ssltemporaryredirect");
  if (toHttps !== undefined && readFlag(toHttps.value) === true) {
    const status = readFlag(temporary?.value ?? "") === true ? 307 : 308;
    put(draft, "forceHttps", { status }, toHttps.label);
  }
  readSts(draft, options);
  readFields(draft, options);
}

/** Strict-Transport-Security: in fields of its own, or as any other field of answers. */
function readSts(draft: Draft, options: Options): void {
  const seconds = options.take("stsseconds");
  const below = options.take("stsincludesubdomains");
  const preload = options.take("stspreload");
  options.take("forcestsheader");
  const written = options.take("customresponseheaders.strict-transport-security");
  const found = written ?? seconds;
  if (found === undefined) return;
  const isOn = (each: LabelValue | undefined) => readFlag(each?.value ?? "") === true;
  const parts = [`max-age=${seconds?.value.trim() ?? ""}`];
  if (isOn(below)) parts.push("includeSubDomains");
  if (isOn(preload)) parts.push("preload");
  // 0 means that nothing is sent.
  if (written === undefined && /^\s*0*\s*$/.test(found.value)) return;
  const hsts = readHsts(written?.value ?? parts.join("; "), draft.notes, found.label);
  if (hsts !== undefined) put(draft, "hsts", hsts, found.label);
}

function missing(what: string): MiddlewareReader {
  return (draft, options) => {
    skip(options);
    draft.notes.push(warning(options.label, `${what} yet; the route works without`));
  };
}

function barred(what: string): MiddlewareReader {
  return (draft, options) => {
    skip(options);
    const remedy = "take the middleware out of the router's list if everybody may come in";
    close(draft, options.label, `${what} (${options.kind}) is not there yet`, remedy);
  };
}

export const kinds: ReadonlyMap<string, MiddlewareReader> = new Map<string, MiddlewareReader>([
  ["stripprefix", stripPrefix],
  ["stripprefixregex", stripPrefixRegex],
  ["addprefix", addPrefix],
  ["replacepath", replacePath],
  ["replacepathregex", replacePathRegex],
  ["redirectscheme", redirectScheme],
  ["redirectregex", redirectRegex],
  ["retry", retry],
  ["circuitbreaker", circuitBreaker],
  ["buffering", buffering],
  ["ipallowlist", ipAllowList],
  ["ipwhitelist", ipAllowList],
  ["headers", headers],
  ["passtlsclientcert", barred("passing on client certificates")],
  ...listKinds,
  ["plugin", barred("running plugins of Traefik")],
]);

export const tcpKinds: ReadonlyMap<string, MiddlewareReader> = new Map<string, MiddlewareReader>([
  ["ipallowlist", ipAllowList],
  ["ipwhitelist", ipAllowList],
  ["inflightconn", missing("the number of connections at once is not limited")],
]);
