// A route as somebody would write it, from what it was resolved to.

import { hstsMaxAge, type Hsts } from "./hsts.ts";
import { spoolMemory } from "./limits.ts";
import { listWords } from "./middlewares/words.ts";
import type { RouteUse } from "./middlewares/uses/route.ts";
import type { Overlay } from "./overlay.ts";
import type { RouteDefaults } from "./provider-settings.ts";
import { formatRule, type Rule } from "./rule.ts";
import { maintenanceWords } from "./service-words.ts";
import type { AccessLog, MiddlewareUse, Route, StreamRoute } from "./snapshot.ts";
import { differing, duration, said, type Words } from "./words.ts";

const durations = {
  body: duration,
  connect: duration,
  response: duration,
  responseBody: duration,
  tunnel: duration,
};

/** @param service what to write for it */
export function routeWords(route: Route, service: unknown, defaults: RouteDefaults): Words {
  const { priority, maintenance, errorPages, accessLog, maxBody, tls, hsts } = route;
  const own = ofKeys(route.middlewares);
  const redirects = own.flatMap((each) => redirectWords(each));
  return {
    ...matchWords(route.rule),
    ...differing({ priority }, {}),
    ...(service === undefined ? {} : { service }),
    ...(redirects.length === 0 ? {} : { redirect: redirects }),
    ...listWords(route.middlewares),
    ...Object.assign({}, ...own.map(middlewareWords)),
    ...said("timeouts", differing(route.timeouts, defaults.timeouts, durations)),
    ...differing({ maxBody }, defaults),
    ...(maintenance === undefined ? {} : { maintenance: maintenanceWords(maintenance) }),
    ...differing({ errorPages }, {}),
    ...(accessLog === undefined ? {} : { accessLog: accessLogWords(accessLog) }),
    ...differing({ tls }, {}),
    ...(hsts === undefined ? {} : { hsts: hstsWords(hsts) }),
    ...mountWords(route),
  };
}

/** A certificate was read from files, and where they were nobody knows any more. */
export function streamRouteWords(
  route: StreamRoute,
  service: unknown,
  { timeouts }: RouteDefaults,
): Words {
  const { listeners, priority, tls } = route;
  const { connect, idle: tunnel } = route.timeouts;
  return {
    ...(listeners === undefined ? {} : { listener: listeners }),
    rule: formatRule(route.rule),
    ...differing({ priority }, {}),
    service,
    ...(tls !== undefined && tls.own === undefined ? { tls: tls.issued ?? true } : {}),
    ...said("timeouts", differing({ connect, tunnel }, timeouts, durations)),
  };
}

/** What it changes, and nothing else. */
export function overlayWords({ change }: Overlay): Words {
  const { rule, priority, service, maintenance, timeouts, maxBody, accessLog, tls, hsts } = change;
  const middlewares = change.middlewares ?? [];
  const times = Object.entries(timeouts ?? {}).map(([name, ms]) => [name, duration(ms)]);
  const own = ofKeys(middlewares);
  const redirects = own.flatMap((each) => redirectWords(each));
  return {
    ...(rule === undefined ? {} : matchWords(rule)),
    ...differing({ priority, service, maxBody }, {}),
    ...(redirects.length === 0 ? {} : { redirect: redirects }),
    ...listWords(middlewares),
    ...Object.assign({}, ...own.map(middlewareWords)),
    ...said("timeouts", Object.fromEntries(times)),
    ...(maintenance === undefined ? {} : { maintenance: maintenanceWords(maintenance) }),
    ...(accessLog === undefined ? {} : { accessLog: accessLogWords(accessLog) }),
    ...differing({ tls }, {}),
    ...(hsts === undefined ? {} : { hsts: hstsWords(hsts) }),
    ...mountWords(change),
  };
}

function mountWords({
  restoreUrls,
  spool,
  errorLog,
}: Pick<Overlay["change"], "restoreUrls" | "spool" | "errorLog">): Words {
  const { from, to, ...rest } = restoreUrls ?? {};
  const memory = spool?.memory;
  return {
    ...(restoreUrls === undefined
      ? {}
      : {
          restoreUrls: {
            from: from === "" ? "/" : from,
            to: to === "" ? "/" : to,
            ...differing(rest, { hosts: [], cookieDomains: [] }),
          },
        }),
    ...(memory === undefined ? {} : { spool: memory === spoolMemory.usual ? true : { memory } }),
    ...differing({ errorLog }, {}),
  };
}

/** Host, path and methods by their own keys, as most people write them; everything else as a rule. */
function matchWords(rule: Rule): Words {
  const words = new Map<string, unknown>();
  for (const part of rule.kind === "all" ? rule.rules : [rule]) {
    const [key, value] = keyFor(part) ?? [];
    if (key === undefined || words.has(key)) return { rule: formatRule(rule) };
    words.set(key, value);
  }
  // Without a host the route's name would be taken for it.
  return words.has("host") ? Object.fromEntries(words) : { rule: formatRule(rule) };
}

function keyFor(rule: Rule): readonly [key: string, value: unknown] | undefined {
  switch (rule.kind) {
    case "host":
      return ["host", rule.host];
    case "method":
      return ["methods", rule.method];
    case "path":
      return ["pathExact", rule.path];
    case "pathPrefix":
      return rule.segment ? ["path", rule.prefix] : undefined;
    case "any": {
      const all = rule.rules.map(keyFor);
      const [first] = all;
      const isPlain = first !== undefined && ["host", "methods"].includes(first[0]);
      if (!isPlain || !all.every((each) => each?.[0] === first[0])) return undefined;
      return [first[0], all.map((each) => each?.[1])];
    }
    default:
      return undefined;
  }
}

/** Those that the route says by keys of its own. */
function ofKeys(middlewares: readonly MiddlewareUse[]): readonly RouteUse[] {
  return middlewares.filter((use): use is RouteUse => !("written" in use));
}

function redirectWords(use: RouteUse): Words[] {
  switch (use.kind) {
    case "redirect":
      return [{ to: use.to, status: use.status }];
    case "redirectMatch": {
      const pattern = use.flags === "" ? use.pattern : `(?${use.flags})${use.pattern}`;
      return [{ pattern, to: use.to, status: use.status }];
    }
    default:
      return [];
  }
}

function middlewareWords(use: RouteUse): Words {
  switch (use.kind) {
    case "stripPrefix":
      return { stripPrefix: use.prefixes };
    case "addPrefix":
      return { addPrefix: use.prefix };
    case "replacePrefix":
      return { replacePrefix: { from: use.from, to: use.to } };
    case "replacePath":
      return { replacePath: { pattern: use.pattern, replacement: use.replacement } };
    case "forceHttps":
      return { forceHttps: { status: use.status, ...differing({ port: use.port }, {}) } };
    case "respond":
      return { respond: { status: use.status, body: use.body, contentType: use.contentType } };
    case "whoami":
      return { whoami: true };
    case "redirect":
    case "redirectMatch":
      return {};
  }
}

function hstsWords(hsts: Hsts): unknown {
  const usual = { maxAge: hstsMaxAge, includeSubDomains: false, preload: false };
  const words = differing(hsts, usual, { maxAge: duration });
  return Object.keys(words).length === 0 ? true : words;
}

function accessLogWords({ enabled, format, path }: AccessLog): unknown {
  return enabled ? { format, path } : false;
}
