// What each kind of middleware is for, in half a sentence; and which kinds can be tried with a request that nobody sent: those
// that ask nobody, count nothing and remember nothing.

import type { MiddlewareUse } from "../config/snapshot.ts";

type Kind = MiddlewareUse["kind"];

const purposes: Readonly<Record<Kind, string>> = {
  stripPrefix: "takes a prefix off the path",
  addPrefix: "puts a prefix in front of the path",
  replacePrefix: "puts another prefix in the place of one",
  replacePath: "replaces what a pattern matches in the path",
  redirect: "sends clients elsewhere",
  redirectMatch: "sends clients elsewhere whose URL fits a pattern",
  redirectHost: "sends clients to the one right host",
  forceHttps: "sends clients to https",
  respond: "answers with a fixed text",
  whoami: "answers with what it sees of the request",
  ipRules: "lets clients in by their address",
  geoip: "lets clients in by the place of their address",
  robots: "answers /robots.txt and keeps crawlers out",
  blocklist: "keeps out what nobody wants",
  cors: "answers browsers that ask whether another site may",
  headers: "changes header fields",
  securityHeaders: "adds security headers to answers",
  contentType: "says the type of answers",
  errors: "puts pages in the place of errors",
  basicAuth: "asks for a name and a password",
  digestAuth: "asks for a name and a password (digest)",
  apiKey: "asks for a key",
  forwardAuth: "asks another service whether the client may",
  jwt: "asks for a token",
  oidc: "asks for a login",
  rateLimit: "counts requests, and refuses too many",
  concurrency: "counts requests that run, and has too many wait",
  bandwidth: "sends no faster than it may",
  bodyLimit: "refuses bodies that are too long",
  compress: "compresses answers",
  decompress: "unpacks bodies",
  rewriteBody: "changes texts in answers",
  grpcWeb: "translates gRPC-Web",
  requestId: "gives the request a name",
  traceparent: "gives the request a trace",
  cache: "gives what is kept, and keeps what may be",
  collapse: "has requests wait for one like them that runs",
  own: "does what its own code says",
};

/** Half a sentence, after the kind. */
export function purposeOf(kind: Kind): string {
  return purposes[kind];
}

const tried: ReadonlySet<Kind> = new Set<Kind>([
  ...(["stripPrefix", "addPrefix", "replacePrefix", "replacePath"] as const),
  ...(["redirect", "redirectMatch", "redirectHost", "forceHttps"] as const),
  ...(["respond", "whoami", "ipRules", "robots", "blocklist", "cors", "headers"] as const),
]);

/** These may refuse, or answer; the others let every request pass and work on bodies and answers. */
const deciding: ReadonlySet<Kind> = new Set<Kind>([
  ...(["geoip", "basicAuth", "digestAuth", "apiKey", "forwardAuth", "jwt", "oidc"] as const),
  ...(["rateLimit", "concurrency", "bodyLimit", "cache", "own"] as const),
]);

/** `try` it; `depends` on what is known while it runs; `pass`: it lets all pass. */
export function manner(kind: Kind): "try" | "depends" | "pass" {
  if (tried.has(kind)) return "try";
  return deciding.has(kind) ? "depends" : "pass";
}
