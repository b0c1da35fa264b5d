// The schema of a route: URL, list of URLs, or a mapping. What needs more than one key at a time
// (a rule excludes a host; something must answer) is checked in `resolve-route.ts`.

import * as z from "zod";
import { formatDuration } from "../lib/duration.ts";
import { nearest } from "../lib/nearest.ts";
import { encodePath, normalisePath } from "../lib/path.ts";
import { routeTlsKinds } from "./acme-settings.ts";
import { checkFormat, namedFormats } from "./access-log-format.ts";
import { parseBackendUrl } from "./backend-url.ts";
import { maintenance } from "./health-schema.ts";
import { authority, isToken, pairs } from "./http-scalar.ts";
import { spoolMemory } from "./limits.ts";
import { missingGroup, parsePattern } from "./pattern.ts";
import { hstsLongest, hstsMaxAge } from "./hsts.ts";
import { formatSize } from "../lib/size.ts";
import { duration, filePath, flag, integer, joinFault, key, mapping, mustBe } from "./scalar.ts";
import { network, oneOrMore, parsed, size, text } from "./scalar.ts";
import { backends, onlyBackends, ownTimeouts, premisesKeys, serviceUse } from "./service-schema.ts";
import type { Refuse } from "./scalar.ts";

function readPath(value: string, refuse: Refuse) {
  const shown = JSON.stringify(value);
  if (!value.startsWith("/")) return refuse(`${shown} is not a path`, `write /${value}`);
  if (/[\s\p{Cc}?#]/u.test(value)) return refuse(`${shown} has a space, a control, ? or #`);
  if (value.endsWith("/*")) return refuse("a path is a prefix already", "leave out /*");
  // As requests are matched: `/é` is asked for as `/%C3%A9`, `/a/../b` as `/b`.
  const normal = normalisePath(encodePath(value))?.path;
  return normal ?? refuse(`${shown} has a broken %-encoding or too many ".."`);
}

export function path() {
  return parsed({ what: "a path", remedy: "write /…" }, readPath);
}

export function regex() {
  return parsed({ what: "a regular expression" }, (value, refuse) => {
    const result = parsePattern(value);
    if (result.kind === "bad") return refuse(`not a regular expression: ${result.why}`);
    return { pattern: result.pattern, flags: result.flags };
  });
}

const method = parsed({ what: "a method", remedy: "write GET" }, (value, refuse) => {
  if (!isToken(value)) return refuse(`${JSON.stringify(value)} is not a method`, "write GET");
  const upper = value.toUpperCase();
  return upper === value ? value : refuse("methods are case-sensitive", `write ${upper}`);
});

export const placeholders = ["scheme", "host", "uri", "path", "query"];

function readTemplate(value: string, refuse: Refuse) {
  const shown = JSON.stringify(value);
  if (/[\s\p{Cc}]/u.test(value)) return refuse(`${shown} has a space or a control character`);
  for (const [whole, name = ""] of value.matchAll(/\{([^{}]*)\}/g)) {
    if (placeholders.includes(name)) continue;
    const near = nearest(name, placeholders);
    const known = placeholders.map((each) => `{${each}}`).join(", ");
    return refuse(`${whole} is not known`, near === undefined ? `use ${known}` : `write {${near}}`);
  }
  return /^([a-z][a-z0-9+.-]*:\/\/.|\{scheme\}:\/\/.|\/|\{(uri|path)\})/i.test(value)
    ? value
    : refuse(`${shown} is not a URL`, "begin with https://, / or {scheme}://");
}

/** Or to the same URL by https. */
const target = parsed({ what: "a URL" }, (value, refuse) =>
  value === "https" ? value : readTemplate(value, refuse),
);

type Matching = Parameters<typeof missingGroup>[0];

/** Of a redirect with a pattern. */
function readReplacement(value: string, pattern: Matching, refuse: Refuse) {
  const shown = JSON.stringify(value);
  if (/[\s\p{Cc}]/u.test(value)) return refuse(`${shown} has a space or a control character`);
  const [placeholder] = /\{[^{}]*\}/.exec(value) ?? [];
  if (placeholder !== undefined) {
    return refuse(`${placeholder} is not known here`, "the pattern has groups: write $1");
  }
  const missing = missingGroup(pattern, value);
  if (missing !== undefined) return refuse(missing, "put it in ( )");
  return /^([a-z][a-z0-9+.-]*:\/\/.|\/|\$)/i.test(value)
    ? value
    : refuse(`${shown} is not a URL`, "begin with https://, / or $1");
}

const redirectStatus = z.union(
  [z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)],
  { error: mustBe({ what: "one of 301, 302, 303, 307, 308" }) },
);

const oneRedirect = z.union(
  [
    target.transform((to) => ({
      ...{ to, pattern: undefined },
      status: to === "https" ? (308 as const) : (302 as const),
    })),
    mapping({
      to: text({ what: "a URL" }).describe(
        "The URL to go to, with the placeholders above; with `pattern`: with $1, $2 …",
      ),
      status: key(redirectStatus, "301 and 308 are kept by browsers, for long.", 302),
      pattern: key(
        regex(),
        "A JavaScript regular expression for the whole URL, `https://HOST/PATH?QUERY`; other requests go on.",
      ),
    }).transform(({ to, status = 302 as const, pattern }, context) => {
      const refuse: Refuse = (message, remedy) => {
        context.addIssue({ code: "custom", path: ["to"], message: joinFault(message, remedy) });
        return undefined;
      };
      const url =
        pattern === undefined ? readTemplate(to, refuse) : readReplacement(to, pattern, refuse);
      return url === undefined ? z.NEVER : { to: url, status, pattern };
    }),
  ],
  { error: mustBe({ what: "a URL or { to, status, pattern }" }) },
);

const redirect = oneOrMore(oneRedirect, {
  what: "a URL, { to, status, pattern }, or a list of them",
});

const forceHttps = z.union(
  [
    flag().transform((isOn): ForceHttpsMapping | undefined => (isOn ? {} : undefined)),
    mapping({
      status: key(redirectStatus, "301 and 308 are kept by browsers, for long.", 308),
      port: key(integer(1, 65_535), "Port of the URL to go to. Without it: the usual one."),
    }),
  ],
  { error: mustBe({ what: "true, false or { status, port }" }) },
);

interface ForceHttpsMapping {
  readonly status?: z.output<typeof redirectStatus> | undefined;
  readonly port?: number | undefined;
}

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

interface HstsMapping {
  readonly maxAge?: number | undefined;
  readonly includeSubDomains?: boolean | undefined;
  readonly preload?: boolean | undefined;
}

const respond = mapping({
  status: key(integer(200, 599), "Status of the answer.", 200),
  body: key(text({ what: "a text" }), "Body of the answer.", ""),
  contentType: key(
    parsed({ what: "a media type" }, (value, refuse) =>
      /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(\s*;[\x20-\x7e]*)?$/.test(value)
        ? value
        : refuse(`${JSON.stringify(value)} is not a media type`, "write text/plain"),
    ),
    "Its media type.",
    "text/plain; charset=utf-8",
  ),
});

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

interface RestoreMapping {
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

interface SpoolMapping {
  readonly memory?: number | undefined;
}

const replacePrefix = z.union(
  [
    path(),
    mapping({
      from: path().meta({ description: "Prefix to take away; other paths stay as they are." }),
      to: path().meta({ description: "What to put there." }),
    }),
  ],
  { error: mustBe({ what: "a path or { from, to }" }) },
);

const stripPrefix = z.union([flag(), oneOrMore(path(), { what: "a path or a list of paths" })], {
  error: mustBe({ what: "true, a path or a list of paths" }),
});

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
  forceHttps: key(
    forceHttps,
    "Sends those who did not come by https there, before anything else is done.",
    false,
  ),
  respond: key(respond, "Answers with a fixed text."),
  whoami: key(flag(), "Answers with the request as it arrived.", false),
  stripPrefix: key(stripPrefix, "Takes a prefix from the path: `true` = the route's own `path`."),
  replacePrefix: key(replacePrefix, "Puts another prefix in the place of the route's own `path`."),
  replacePath: key(
    mapping({
      pattern: regex().meta({ description: "A JavaScript regular expression." }),
      replacement: text({ what: "a text" }).describe("With $1, $2 … for the groups."),
    }),
    "Replaces what the pattern matches in the path.",
  ),
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
