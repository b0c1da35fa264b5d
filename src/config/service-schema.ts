// The schema of a service: a URL, a list of URLs, or a mapping; a mapping in the end. See also
// `scalar.ts` for how messages are made, and `limits.ts` for the defaults and their reasons.

import * as z from "zod";
import { isUrlLike, parseBackendUrl } from "./backend-url.ts";
import { defaultExchangeTimeouts, defaultPool, defaultRetry } from "./limits.ts";
import { duration, durationKey, filePath, flag, integer, key, list } from "./scalar.ts";
import { mapping, mustBe, parsed, sizeKey } from "./scalar.ts";

const urlForms = "write http://HOST:PORT, https://HOST:PORT or unix:/PATH";

const backendUrl = parsed({ what: "a backend URL", remedy: urlForms }, parseBackendUrl).meta({
  title: "backend URL",
});

const backend = z.union(
  [
    backendUrl.transform((url) => ({ ...url, weight: 1 })),
    mapping({
      url: backendUrl.meta({ description: "Where it is: http, https or unix." }),
      weight: key(integer(1, 1000), "Its share of the requests, against the others'.", 1),
    }).transform(({ url, weight }) => ({ ...url, weight: weight ?? 1 })),
  ],
  { error: mustBe({ what: "a backend URL or { url, weight }", remedy: urlForms }) },
);

export const backends = list(backend, {
  what: "a list of backends",
  remedy: "write [http://HOST:PORT]",
}).superRefine((all, context) => {
  const seen = new Set<string>();
  for (const [index, { url }] of all.entries()) {
    if (seen.has(url)) {
      const message = `${url} is listed twice\ngive it a weight instead`;
      context.addIssue({ code: "custom", path: [index], message });
    }
    seen.add(url);
  }
});

export const exchangeTimeouts = {
  body: durationKey(
    "Longest pause in a request body, and longest time a client may take none of the answer.",
    defaultExchangeTimeouts.body,
  ),
  connect: durationKey(
    "Until a backend accepted the connection, TLS included.",
    defaultExchangeTimeouts.connect,
  ),
  response: durationKey(
    "From the end of the request to the head of the answer.",
    defaultExchangeTimeouts.response,
  ),
  responseBody: durationKey(
    "Longest pause in an answer's body.",
    defaultExchangeTimeouts.responseBody,
  ),
  tunnel: durationKey(
    "Longest silence of an upgraded connection (WebSocket), in both directions together.",
    defaultExchangeTimeouts.tunnel,
  ),
};

/** As a route or a service says it: what is not said comes from the level above. */
export const ownTimeouts = mapping({
  body: key(duration(), "As `timeouts.body`, for this one."),
  connect: key(duration(), "As `timeouts.connect`, for this one."),
  response: key(duration(), "As `timeouts.response`, for this one."),
  responseBody: key(duration(), "As `timeouts.responseBody`, for this one."),
  tunnel: key(duration(), "As `timeouts.tunnel`, for this one."),
});

const pool = mapping({
  maxConnections: key(
    integer(0, 1_000_000),
    "Connections to one backend at once; more requests wait. 0 = no limit.",
    defaultPool.maxConnections,
  ),
  maxWaiting: key(
    integer(0, 1_000_000),
    "Requests that may wait for a connection to one backend; the next is answered 503.",
    defaultPool.maxWaiting,
  ),
  maxWait: durationKey("Longest wait for a connection, then 503.", defaultPool.maxWait),
  maxIdle: key(
    integer(0, 1_000_000),
    "Idle connections kept open to one backend; 0 = none.",
    defaultPool.maxIdle,
  ),
  idleTimeout: durationKey("How long an idle connection is kept.", defaultPool.idleTimeout),
});

const tls = mapping({
  verify: key(flag(), "Check the backend's certificate. Never turn it off across a network.", true),
  ca: key(filePath(), "PEM file with the authorities to trust instead of the system's."),
  serverName: key(
    parsed({ what: "a host name" }, (value, refuse) =>
      /^[\w-]+(\.[\w-]+)*$/.test(value)
        ? value.toLowerCase()
        : refuse(`${JSON.stringify(value)} is not a host name`),
    ),
    "Name to send (SNI) and to verify, when it is not the backend's host name.",
  ),
});

const retry = mapping({
  attempts: key(
    integer(0, 10),
    "Further attempts after the first, on another connection.",
    defaultRetry.attempts,
  ),
  replayBody: sizeKey(
    "Request bodies up to this size are kept, so that they can be sent again; 0 = none.",
    defaultRetry.replayBody,
  ),
  nonIdempotent: key(
    flag(),
    "Also repeat POST and PATCH when a reused connection died without a byte of answer.",
    defaultRetry.nonIdempotent,
  ),
});

// What may stand in a field value (RFC 9110 section 5.5), without the spaces around it.
const authority = parsed({ what: "a host name" }, (value, refuse) =>
  /^[\w.:[\]-]+$/.test(value) ? value : refuse(`${JSON.stringify(value)} is not a host name`),
);

const host = z.union(
  [z.enum(["keep", "backend"]), mapping({ value: authority.describe("The Host header to send.") })],
  {
    error: mustBe({
      what: "keep, backend or { value: NAME }",
      remedy: "keep sends the client's Host, backend the name in the backend's URL",
    }),
  },
);

const serviceMapping = mapping({
  backends: backends.describe("Where requests go: URLs, or mappings of url and weight."),
  balance: key(
    z.enum(["round-robin", "random", "least-connections"]),
    "How the backend of a request is chosen.",
    "round-robin",
  ),
  host: key(
    host,
    "The Host header sent: `keep` the client's, the `backend`'s own, or `{ value: NAME }`.",
    "keep",
  ),
  pool: key(pool, "Connections kept to each backend."),
  tls: key(tls, "For https backends."),
  retry: key(retry, "When a request is sent again."),
  timeouts: key(ownTimeouts, "For all routes to this service that do not say otherwise."),
});

export type ServiceInput = z.output<typeof serviceMapping>;

const shortUrl = parsed({ what: "a backend URL", remedy: urlForms }, (value, refuse) => {
  const url = parseBackendUrl(value, refuse);
  return url === undefined ? undefined : onlyBackends([{ ...url, weight: 1 }]);
});

export const service = z.union([shortUrl, backends.transform(onlyBackends), serviceMapping], {
  error: mustBe({ what: "a URL, a list of URLs or a mapping with backends", remedy: urlForms }),
});

/** As routes say it: also the name of a service. */
export const serviceUse = z.union(
  [
    parsed({ what: "the name of a service or a URL" }, (value, refuse) => {
      if (!isUrlLike(value)) return value;
      const url = parseBackendUrl(value, refuse);
      return url === undefined ? undefined : onlyBackends([{ ...url, weight: 1 }]);
    }),
    backends.transform(onlyBackends),
    serviceMapping,
  ],
  { error: mustBe({ what: "the name of a service, a URL, a list of URLs or a mapping" }) },
);

function onlyBackends(all: ServiceInput["backends"]): ServiceInput {
  return { backends: all };
}
