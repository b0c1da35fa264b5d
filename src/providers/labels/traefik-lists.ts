// Kinds of middlewares of Traefik that become one of our lists: passwords, limits, compression and the like.

import { warning } from "./note.ts";
import { close, durationOf } from "./traefik-draft.ts";
import type { Draft } from "./traefik-draft.ts";
import { readFlag, readList } from "./traefik-labels.ts";
import type { LabelValue } from "./traefik-labels.ts";
import { list, type MiddlewareReader, type Options, required, skip } from "./traefik-options.ts";

const isOn = (found: LabelValue | undefined) => readFlag(found?.value ?? "") === true;

/** A setting only where it is said. */
function said(key: string, value: unknown): Record<string, unknown> {
  return value === undefined ? {} : { [key]: value };
}

function numberOf(found: LabelValue | undefined): number | undefined {
  const text = found?.value.trim() ?? "";
  return /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function password(kind: "basicAuth" | "digestAuth"): MiddlewareReader {
  return (draft, options) => {
    const users = options.take("users");
    const file = options.take("usersfile");
    const realm = options.take("realm");
    const header = options.take("headerfield");
    const isKept = isOn(options.take("removeheader"));
    if (file !== undefined && !draft.mayAsk) {
      const remedy =
        "make a set of it in middlewares of the configuration file, and name NAME@file";
      close(draft, file.label, "a label may not name a file of the host", remedy);
      return;
    }
    const all = readList(users?.value ?? "");
    const whose = kind === "digestAuth" ? all.map((each) => each.split(":")[1] ?? "") : [];
    const about = (users ?? file)?.label ?? options.label;
    if (new Set(all.map((each) => each.split(":")[0])).size < all.length) {
      close(draft, about, "somebody is among the users twice");
    } else if (new Set(whose).size > 1) {
      close(draft, about, "the users have hashes of several realms");
    }
    const settings = {
      ...(users === undefined ? {} : { users: all }),
      ...said("file", file?.value),
      realm: whose[0] ?? realm?.value ?? "traefik",
      ...said("header", header?.value),
      ...(isKept ? { removeHeader: true } : {}),
    };
    if (users === undefined && file === undefined) required(draft, options, "users");
    else list(draft, { kind, settings, isGuard: true }, about);
  };
}

function forwardAuth(draft: Draft, options: Options): void {
  const address = required(draft, options, "address");
  if (address === undefined) return;
  if (!draft.mayAsk) {
    skip(options);
    const remedy = "make a set of it in middlewares of the configuration file, and name NAME@file";
    close(draft, address.label, "a label may not have us ask another server (forwardauth)", remedy);
    return;
  }
  const listOf = (key: string) => {
    const found = options.take(key);
    return found === undefined ? undefined : readList(found.value);
  };
  const flagOf = (key: string) => readFlag(options.take(key)?.value ?? "");
  const pattern = options.take("authresponseheadersregex");
  const tls = options.keys().find((key) => key.startsWith("tls."));
  const ca = options.take("tls.ca");
  const cookies = listOf("addauthcookiestoresponse");
  const settings = {
    address: address.value,
    ...said("requestHeaders", listOf("authrequestheaders")),
    ...said("responseHeaders", listOf("authresponseheaders")),
    ...said("responseHeadersPattern", pattern?.value),
    cookies: cookies ?? false,
    ...said("userHeader", options.take("headerfield")?.value.toLowerCase()),
    ...said("trustForwardHeader", flagOf("trustforwardheader")),
    ...said("preserveRequestMethod", flagOf("preserverequestmethod")),
    preserveLocationHeader: flagOf("preservelocationheader") ?? false,
    ...said("maxBody", numberOf(options.take("maxresponsebodysize"))),
    ...said("ca", ca?.value),
  };
  if (isOn(options.take("forwardbody"))) {
    const message = "bodies are not shown to who is asked (forwardBody)";
    draft.notes.push(warning(address.label, message));
  }
  options.take("maxbodysize");
  const [left] = options.keys().filter((key) => key.startsWith("tls."));
  if (tls !== undefined && left !== undefined) {
    close(draft, address.label, `${left} of forwardAuth has no like here`);
    return;
  }
  list(draft, { kind: "forwardAuth", settings, isGuard: true }, address.label);
}

/** Whose requests count together. @param usual where nothing is said */
function criterion(draft: Draft, options: Options, usual: string): string {
  const header = options.take("sourcecriterion.requestheadername");
  const isHost = isOn(options.take("sourcecriterion.requesthost"));
  const strategy = ["depth", "excludedips", "ipv6subnet"]
    .map((key) => options.take(`sourcecriterion.ipstrategy.${key}`))
    .find((each) => each !== undefined);
  options.take("sourcecriterion.ipstrategy");
  if (strategy !== undefined) {
    const message = "the client's address is the one that the listener's trusted proxies name";
    const remedy = "set trustedProxies in the configuration file";
    draft.notes.push(warning(strategy.label, message, remedy));
    return "address";
  }
  if (header !== undefined) return `header:${header.value.trim()}`;
  return isHost ? "header:Host" : usual;
}

function rateLimit(draft: Draft, options: Options): void {
  const average = options.take("average");
  const period = options.take("period");
  const burst = numberOf(options.take("burst"));
  const by = criterion(draft, options, "address");
  const redis = options.keys().find((key) => key.startsWith("redis."));
  if (redis !== undefined) {
    const message = "all workers of this program count together, and other programs apart";
    const remedy = "make a set with scope: redis in the configuration file, and name NAME@file";
    draft.notes.push(warning(options.label, message, remedy));
    for (const key of options.keys()) if (key.startsWith("redis.")) options.take(key);
  }
  const count = numberOf(average) ?? 0;
  // Traefik's 0 is no limit.
  if (count === 0) return;
  const settings = {
    average: count,
    ...said("period", period === undefined ? undefined : durationOf(period.value)),
    burst: Math.max(burst ?? 1, 1),
    by,
  };
  list(draft, { kind: "rateLimit", settings }, average?.label ?? options.label);
}

function inFlightReq(draft: Draft, options: Options): void {
  const amount = required(draft, options, "amount");
  const by = criterion(draft, options, "header:Host");
  if (amount === undefined) return;
  const limit = numberOf(amount) ?? amount.value;
  list(draft, { kind: "concurrency", settings: { limit, by, status: 429 } }, amount.label);
}

function compress(draft: Draft, options: Options): void {
  const excluded = options.take("excludedcontenttypes");
  const included = options.take("includedcontenttypes");
  const least = numberOf(options.take("minresponsebodybytes"));
  const encodings = options.take("encodings");
  options.take("defaultencoding");
  if (excluded !== undefined) {
    const message =
      "types are said that are compressed, not those that are not; ours are the usual texts";
    draft.notes.push(warning(excluded.label, message));
  }
  const settings = {
    ...said("minSize", least),
    ...said("types", included === undefined ? undefined : readList(included.value)),
    ...said("encodings", encodings === undefined ? undefined : readList(encodings.value)),
  };
  const isPlain = Object.keys(settings).length === 0;
  list(draft, { kind: "compress", settings: isPlain ? true : settings }, options.label);
}

function contentType(draft: Draft, options: Options): void {
  const auto = options.take("autodetect");
  // Of version 2: false switched off what version 3 does only where it is asked.
  if (auto !== undefined && readFlag(auto.value) === false) return;
  list(draft, { kind: "contentType", settings: { nosniff: false } }, options.label);
}

function grpcWeb(draft: Draft, options: Options): void {
  const origins = options.take("alloworigins");
  if (origins !== undefined) {
    const settings = { origins: readList(origins.value), headers: "*", methods: ["POST"] };
    list(draft, { kind: "cors", settings }, origins.label);
  }
  list(draft, { kind: "grpcWeb", settings: true }, options.label);
}

/** Pages of another service: labels know no other, and a file does. */
function errors(draft: Draft, options: Options): void {
  const service = options.take("service");
  const statuses = options.take("status");
  const page = options.take("query");
  if (!draft.mayAsk || service === undefined || page?.value.includes("{url}") === true) {
    skip(options);
    const message = "errors of backends are not replaced by another service's pages";
    draft.notes.push(warning(options.label, `${message}; the route works without`));
    return;
  }
  const settings = {
    ...(statuses === undefined ? {} : { statuses: readList(statuses.value) }),
    service: service.value.replace(/@file$/, "").replaceAll(".", "-"),
    ...said("path", page?.value),
  };
  list(draft, { kind: "errors", settings }, service.label);
}

export const listKinds: ReadonlyMap<string, MiddlewareReader> = new Map<string, MiddlewareReader>([
  ["basicauth", password("basicAuth")],
  ["digestauth", password("digestAuth")],
  ["forwardauth", forwardAuth],
  ["ratelimit", rateLimit],
  ["inflightreq", inFlightReq],
  ["compress", compress],
  ["contenttype", contentType],
  ["errors", errors],
  ["grpcweb", grpcWeb],
]);
