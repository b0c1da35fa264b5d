// The schema of a route: URL, list of URLs, or a mapping. What needs more than one key at a time
// (a rule excludes a host; something must answer) is checked in `resolve-route.ts`.

import * as z from "zod";
import { formatDuration } from "../lib/duration.ts";
import { nearest } from "../lib/nearest.ts";
import { routeTlsKinds } from "./acme-settings.ts";
import { checkFormat, namedFormats } from "./access-log-format.ts";
import { parseBackendUrl } from "./backend-url.ts";
import { maintenance } from "./health-schema.ts";
import { authority, isToken, pairs } from "./http-scalar.ts";
import { spoolMemory } from "./limits.ts";
import { middlewareList } from "./middlewares/list-schema.ts";
import { path, regex, replacePath, replacePrefix, stripPrefix } from "./path-schema.ts";
import { forceHttps, redirect, respond } from "./redirect-schema.ts";
import { hstsLongest, hstsMaxAge } from "./hsts.ts";
import { formatSize } from "../lib/size.ts";
import { duration, filePath, flag, integer, joinFault, key, mapping, mustBe } from "./scalar.ts";
import { network, oneOrMore, parsed, size, text } from "./scalar.ts";
import { backends, onlyBackends, ownTimeouts, premisesKeys, serviceUse } from "./service-schema.ts";

const method = parsed({ what: "a method", remedy: "write GET" }, (value, refuse) => {
  if (!isToken(value)) return refuse(`${JSON.stringify(value)} is not a method`, "write GET");
  const upper = value.toUpperCase();
  return upper === value ? value : refuse("methods are case-sensitive", `write ${upper}`);
});

const hsts = z.union(
  [
    flag().transform((isOn): HstsMapping | undefined => (isOn ? {} : undefined)),
    mapping({
      maxAge: key(
        duration(0, hstsLongest),
        "How long they remember; 0 = they forget it.",
        formatDuration(hstsMaxAge),
      ),
      includeSubDomains: key(flag(), "Also for every name below.", false),
      preload: key(
        flag(),
        "The name may be built into browsers: https://hstspreload.org. Hard to take back.",
        false,
      ),
    }),
  ],
  { error: mustBe({ what: "true, false or { maxAge, includeSubDomains, preload }" }) },
);

export interface HstsMapping {
  readonly maxAge?: number | undefined;
  readonly includeSubDomains?: boolean | undefined;
  readonly preload?: boolean | undefined;
}

const accessLogFormat = parsed(
  { what: "a format", remedy: "write combined, json, hipache or a template" },
  (value, refuse) => {
    const why = checkFormat(value);
    if (why === undefined) return value;
    const near = value.includes("$") ? undefined : nearest(value, namedFormats);
    return near === undefined
      ? refuse(why)
      : refuse(`${JSON.stringify(value)} is not a format`, `write ${near}`);
  },
);

const logPath = filePath().transform((value, context) => {
  if (value !== "combined" && value !== "json") return value;
  context.addIssue(joinFault(`${value} is a format, not a path`, `write { format: ${value} }`));
  return z.NEVER;
});

const logMapping = mapping({
  format: key(
    accessLogFormat,
    "`combined` (nginx's, to the byte), `json`, `hipache` (its line), or a template of `$variables`.",
    "combined",
  ),
  path: key(logPath, "`stdout`, `stderr` or a file, which SIGUSR1 opens anew.", "stdout"),
});

export const accessLog = z.union(
  [
    z.boolean(),
    logPath.transform((value): z.output<typeof logMapping> => ({ path: value })),
    logMapping,
  ],
  { error: mustBe({ what: "true, false, a path or { format, path }" }) },
);

/** The port is that of a host; a domain has none. */
const cookieDomain = parsed({ what: "a domain", remedy: "write app.internal" }, (value, refuse) =>
  /^\.?[\w-]+(\.[\w-]+)*$/.test(value)
    ? value.toLowerCase().replace(/^\./, "")
    : refuse(`${JSON.stringify(value)} is not a domain`, "write app.internal"),
);

const restoreUrls = z.union(
  [
    flag().transform((isOn): RestoreMapping | undefined => (isOn ? {} : undefined)),
    mapping({
      from: key(
        path(),
        "Prefix that the backend has. Without it: what the route makes of its own.",
      ),
      to: key(path(), "Prefix that clients have instead. Without it: what the route takes away."),
      hosts: key(
        oneOrMore(
          authority.transform((value) => value.toLowerCase()),
          { what: "a host or a list of hosts", remedy: "write [app.internal, 10.0.0.5:8080]" },
        ),
        "What the backend may call itself, besides the Host it was sent.",
      ),
      cookieDomains: key(
        oneOrMore(cookieDomain, { what: "a domain or a list of domains" }),
        "Domains of cookies that are left out, so that the cookie is for the host that was asked for.",
      ),
    }),
  ],
  { error: mustBe({ what: "true, false or { from, to, hosts, cookieDomains }" }) },
);

export interface RestoreMapping {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly hosts?: string[] | undefined;
  readonly cookieDomains?: string[] | undefined;
}

export type RestoreInput = NonNullable<z.output<typeof restoreUrls>>;

const spool = z.union(
  [
    flag().transform((isOn): SpoolMapping | undefined => (isOn ? {} : undefined)),
    mapping({
      memory: key(
        size().refine((bytes) => bytes <= spoolMemory.most, {
          error: `must be at most ${formatSize(spoolMemory.most)}\nlet more go to disk`,
        }),
        "Bodies up to this size stay in memory.",
        formatSize(spoolMemory.usual),
      ),
    }),
  ],
  { error: mustBe({ what: "true, false or { memory }" }) },
);

export interface SpoolMapping {
  readonly memory?: number | undefined;
}

const matching = {
  host: key(
    oneOrMore(text({ what: "a host name" }), { what: "a host name or a list of host names" }),
    "Host names; `*.example.com` is every name below, `*` every host. Makes the key a mere name.",
  ),
  path: key(path(), "Prefix of the path, up to a segment's end: `/api` is not `/apix`."),
  pathExact: key(path(), "The whole path."),
  pathRegex: key(
    regex(),
    "A JavaScript regular expression; it may match anywhere unless anchored.",
  ),
  methods: key(
    oneOrMore(method, { what: "a method or a list of methods" }),
    "Methods, in upper case.",
  ),
  headers: key(
    pairs("header field", isToken),
    "Header fields that must have these values, all of them.",
  ),
  query: key(
    pairs("query parameter", (name) => name !== ""),
    "Query parameters that must have these values, all of them.",
  ),
  clientIp: key(
    oneOrMore(network(), { what: "a network or a list of networks" }),
    "Networks, one of which the client must be in; behind trusted proxies it is the client they name.",
  ),
  rule: key(
    text({ what: "a rule", remedy: "write Host(`example.com`)" }),
    "A rule in the language of Traefik v3, instead of all the keys above.",
  ),
  priority: key(
    integer(-1_000_000_000, 1_000_000_000),
    "Rank among the routes that match; the higher goes first. Without it the more special does.",
  ),
};

export const matchingKeys = Object.keys(matching).filter((each) => each !== "priority");

export const routeMapping = mapping({
  ...matching,
  service: key(serviceUse, "Where requests go: a service's name, URLs, or a service as below."),
  ...premisesKeys,
  redirect: key(
    redirect,
    "Answers with a redirect. Placeholders: {scheme} {host} {uri} {path} {query}. Of a list with patterns the first that matches counts. `https`: who came in the clear is sent there, others go on.",
  ),
  middlewares: key(
    middlewareList,
    "What requests and answers go through: a list in the order in which they run, or a mapping, which we put in order. See docs/middlewares/.",
  ),
  forceHttps: key(
    forceHttps,
    "Sends those who did not come by https there, before anything else is done.",
    false,
  ),
  respond: key(respond, "Answers with a fixed text."),
  whoami: key(flag(), "Answers with the request as it arrived.", false),
  stripPrefix: key(stripPrefix, "Takes a prefix from the path: `true` = the route's own `path`."),
  replacePrefix: key(replacePrefix, "Puts another prefix in the place of the route's own `path`."),
  replacePath: key(replacePath, "Replaces what the pattern matches in the path."),
  addPrefix: key(path(), "Puts a prefix in front of the path; runs after the other three."),
  timeouts: key(ownTimeouts, "What this route grants, where it differs."),
  maxBody: key(size(), "Longest request body; 0 = no limit. Without it `limits.maxBody` holds."),
  maintenance: key(
    maintenance,
    "As a service's, for this route: everybody else is told that it is being worked on.",
    false,
  ),
  errorPages: key(filePath(), "Folder with `error_<status>.html` and `error_default.html`."),
  accessLog: key(accessLog, "As the global `accessLog`, for this route."),
  restoreUrls: key(
    restoreUrls,
    "Puts right what answers say of URLs (`Location`, `Content-Location`, `Refresh`, path and domain of cookies) where the route changes the path: `true` = the opposite of `stripPrefix`, `replacePrefix` and `addPrefix`.",
    false,
  ),
  spool: key(
    spool,
    "Takes a request body whole, in memory and then on disk, before a backend is asked: for those that serve one request at a time.",
    false,
  ),
  errorLog: key(
    filePath(),
    "Where programs' error streams (FastCGI) go: `stdout`, `stderr` or a file. Without it: the log of the program.",
  ),
  hsts: key(
    hsts,
    "Tells browsers that came by https to come by nothing else from now on (Strict-Transport-Security). `true` = for a year.",
    false,
  ),
  tls: key(
    z.enum(routeTlsKinds, { error: mustBe({ what: "auto or internal", remedy: "write auto" }) }),
    "`auto`: its names get a certificate of a public authority, as `tls.acme` says; `internal`: of an authority that only this program knows.",
  ),
});

export type RouteInput = z.output<typeof routeMapping>;
export type AccessLogInput = z.output<typeof accessLog>;

const shortUrl = parsed({ what: "a backend URL" }, (value, refuse): RouteInput | undefined => {
  const remedy = /^[\w-]+$|^[\w./-]+@[a-z0-9-]+$/.test(value)
    ? `write { service: ${value} } for a service`
    : undefined;
  const url = parseBackendUrl(value, (message, usual) => refuse(message, remedy ?? usual));
  return url === undefined
    ? undefined
    : { service: onlyBackends([{ ...url, weight: 1, tier: 0 }]) };
});

const shortList = backends.transform((all): RouteInput => ({ service: onlyBackends(all) }));

export const route = z.union([shortUrl, shortList, routeMapping], {
  error: mustBe({ what: "a URL, a list of URLs or a mapping", remedy: "write http://HOST:PORT" }),
});
