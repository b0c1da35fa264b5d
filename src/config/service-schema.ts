// The schema of a service: a URL, a list of URLs, or a mapping; a mapping in the end. See also
// `scalar.ts` for how messages are made, and `limits.ts` for the defaults and their reasons.

import * as z from "zod";
import { isUrlLike, parseBackendUrl, urlForms } from "./backend-url.ts";
import { formatDuration } from "../lib/duration.ts";
import { refuseTwice } from "./backend-list.ts";
import { middlewareList } from "./middlewares/list-schema.ts";
import { backendTls } from "./backend-tls-schema.ts";
import { balance, sticky } from "./balance-schema.ts";
import { files } from "./files-schema.ts";
import { fastcgi, scgi, uwsgi } from "./gateway-schema.ts";
import { breaker, check, maintenance, passive } from "./health-schema.ts";
import { authority, isToken, pairs, statuses } from "./http-scalar.ts";
import { defaultExchangeTimeouts, defaultHold, defaultMirror, defaultPool } from "./limits.ts";
import { defaultRetry, retryReserve } from "./limits.ts";
import { container } from "./premises-schema.ts";
import { presetNames } from "./presets.ts";
import { duration, durationKey, flag, integer, key, list } from "./scalar.ts";
import { mapping, mustBe, parsed, percent, shareKey, sizeKey } from "./scalar.ts";
import type { Backend } from "./service.ts";

const backendUrl = parsed({ what: "a backend URL", remedy: urlForms }, parseBackendUrl).meta({
  title: "backend URL",
});

const usual = { weight: 1, tier: 0 } as const;

const backend = z.union(
  [
    backendUrl.transform((url): Backend => ({ ...url, ...usual })),
    mapping({
      url: backendUrl.meta({ description: "Where it is: http, https or unix; tcp, tls or udp." }),
      weight: key(
        integer(0, 1000),
        "Its share of the requests, against the others'; 0 = only sessions it has.",
        usual.weight,
      ),
      tier: key(
        integer(0, 9),
        "0 goes first; a higher one is used while nobody of a lower one is up.",
        usual.tier,
      ),
    }).transform(({ url, weight, tier }): Backend => ({
      ...url,
      weight: weight ?? usual.weight,
      tier: tier ?? usual.tier,
    })),
  ],
  { error: mustBe({ what: "a backend URL or { url, weight, tier }", remedy: urlForms }) },
);

export const backends = list(backend, {
  what: "a list of backends",
  remedy: "write [http://HOST:PORT]",
}).superRefine(refuseTwice);

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
    "Connections to one backend at once, of all workers together; more requests wait. There may be one more for each worker beyond the first. 0 = no limit.",
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
    "Also repeat POST and PATCH when a connection died without a byte of answer.",
    defaultRetry.nonIdempotent,
  ),
  tryTimeout: durationKey(
    "Longest wait for the head of an answer while other backends are left; 0 = `timeouts.response`.",
    defaultRetry.tryTimeout,
  ),
  statuses: key(
    statuses(400),
    "Answers that another backend is asked about, for requests that may be repeated.",
    [],
  ),
  budget: shareKey(
    `Repetitions of what was sent already over time, as a share of requests; ${retryReserve.count} in ${formatDuration(retryReserve.window)} are always granted.`,
    defaultRetry.budget,
  ),
});

const host = z.union(
  [z.enum(["keep", "backend"]), mapping({ value: authority.describe("The Host header to send.") })],
  {
    error: mustBe({
      what: "keep, backend or { value: NAME }",
      remedy: "keep sends the client's Host, backend the name in the backend's URL",
    }),
  },
);

const serviceName = parsed({ what: "the name of a service" }, (value, refuse) =>
  isUrlLike(value)
    ? refuse(`${value} is a URL, and here goes a name`, "give it a name under services")
    : value,
);

const part = mapping({
  service: serviceName.meta({ description: "Name of a service." }),
  weight: key(
    integer(0, 1000),
    "Its share, against the others'; 0 = only who asks for it. Without it: 1, with `when` 0.",
  ),
  when: key(
    mapping({
      header: key(pairs("header field", isToken), "A header field with this value."),
      cookie: key(pairs("cookie", isToken), "A cookie with this value."),
    }),
    "Whoever sends this gets this part.",
  ),
});

const percentage = percent().refine((value) => value > 0, {
  error: "0% would copy nothing\nleave out the service",
});

function byService<Value extends z.ZodType>(value: Value, what: string, remedy: string) {
  const error = mustBe({ what: `a mapping of service to ${what}`, remedy });
  return z
    .record(z.string(), value, { error })
    .refine((all) => Object.keys(all).length > 0, { error: "must not be empty" });
}

const splitForms = "write { stable: 95, next: 5 }";

/** What leads to other services: one of these stands in the place of `backends`. */
const groupKeys = {
  split: key(
    z.union(
      [
        byService(integer(0, 1000), "weight", splitForms),
        list(part, { what: "a list of { service, weight, when }" }),
      ],
      { error: mustBe({ what: "a mapping of service to weight, or a list", remedy: splitForms }) },
    ),
    "Instead of `backends`: services by weight, for a canary; or a list of parts.",
  ),
  failover: key(
    list(serviceName, { what: "a list of services", remedy: "write [main, standby]" }),
    "Instead of `backends`: services in order; the first that has a backend up.",
  ),
  statuses: key(
    statuses(400),
    "With `failover`: answers on which the next service is asked too, for requests that may be repeated and whose body is within `retry.replayBody` of the first.",
    [],
  ),
  mirror: key(
    serviceName,
    "Instead of `backends`: the service that answers, while `to` get copies.",
  ),
  to: key(
    byService(percentage, "percentage", "write { shadow: 10% }"),
    "With `mirror`: services that get a copy of so many requests, `{ shadow: 10% }`.",
  ),
  maxBody: sizeKey(
    "With `mirror`: requests with a longer body are not copied.",
    defaultMirror.maxBody,
  ),
};

/** Files and programs. A route may say them beside its own keys. */
export const premisesKeys = {
  container: key(
    container,
    "Container whose own paths `files`, scripts and `unix:` sockets are, `PROVIDER/NAME`: `lxc/blog`. Without it they are this machine's.",
  ),
  files: key(
    files,
    "Instead of `backends`: answers with files of this folder. With `fastcgi`, `scgi` or `uwsgi` beside it scripts are run, and never given away.",
  ),
  fastcgi: key(
    fastcgi,
    "Instead of `backends`: a program that speaks FastCGI, such as php-fpm: `unix:/run/php/php-fpm.sock`.",
  ),
  scgi: key(scgi, "As `fastcgi`, for a program that speaks SCGI."),
  uwsgi: key(uwsgi, "As `fastcgi`, for a program that speaks the uwsgi protocol."),
  preset: key(
    z.enum(presetNames, {
      error: mustBe({ what: presetNames.join(", "), remedy: "write php" }),
    }),
    "What is usual for an application: defaults of `files` and `fastcgi`, written out in the guide and by `tidegate dump`. What is said beside it wins.",
  ),
};

/** Keys of any service, whatever it leads to. */
const commonKeys = {
  maintenance: key(
    maintenance,
    "Everybody else is told that the service is being worked on: `true`, or a mapping.",
    false,
  ),
  timeouts: key(ownTimeouts, "For all routes to this service that do not say otherwise."),
  middlewares: key(
    middlewareList,
    "What requests and answers go through after the route's own, where a route leads here itself: as `middlewares` of a route.",
  ),
};

const backendKeys = {
  balance: key(balance, "How the backend of a request is chosen.", "two-random"),
  slowStart: durationKey(
    "A backend that is new, or was down, gets its full share only after so long; 0 = at once.",
    0,
  ),
  host: key(
    host,
    "The Host header sent: `keep` the client's, the `backend`'s own, or `{ value: NAME }`.",
    "keep",
  ),
  pool: key(pool, "Connections kept to each backend."),
  tls: key(backendTls, "For https and tls backends."),
  retry: key(retry, "When a request is sent again."),
  check: key(check, "How backends are asked whether they are well: a path, or a mapping."),
  passive: key(passive, "What is learnt about backends from the requests themselves."),
  whenAllDown: key(
    z.enum(["try", "refuse"]),
    "When no backend is up: `try` them all the same, or `refuse` with 503 at once.",
    "try",
  ),
  holdFor: durationKey(
    "How long a request waits for a backend while none is up, instead of a 502 or 503.",
    defaultHold.holdFor,
  ),
  maxHeld: key(
    integer(1, 1_000_000),
    "Requests that may wait so, in each worker; the next is answered 503.",
    defaultHold.maxHeld,
  ),
  pauseFor: durationKey(
    "How long a request waits after `tidegate pause SERVICE`.",
    defaultHold.pauseFor,
    1000,
  ),
  breaker: key(breaker, "Cuts the service off while an expression holds."),
  proxyProtocol: key(
    z.enum(["v1", "v2"]),
    "Sends backends a PROXY protocol header with the client's address; for tcp and tls backends.",
  ),
};

export const serviceMapping = mapping({
  backends: key(
    backends,
    "Where requests go: URLs, or mappings of url, weight and tier. This, or one of `files`, `fastcgi`, `scgi`, `uwsgi`, `preset`, `split`, `failover`, `mirror`, is *required*.",
  ),
  ...premisesKeys,
  ...groupKeys,
  sticky: key(
    sticky,
    "A client stays with the backend (of a split: the part) it got: `true`, or a mapping.",
    false,
  ),
  ...backendKeys,
  ...commonKeys,
});

/** What a service leads to, and the keys that go with it, besides `maintenance` and `timeouts`. */
export const serviceKinds = {
  backends: ["backends", "container", "sticky", ...Object.keys(backendKeys)],
  files: ["files", "container", "preset"],
  fastcgi: ["fastcgi", "container", "preset", "sticky", ...Object.keys(backendKeys)],
  scgi: ["scgi", "container", "preset", "sticky", ...Object.keys(backendKeys)],
  uwsgi: ["uwsgi", "container", "preset", "sticky", ...Object.keys(backendKeys)],
  split: ["split", "sticky"],
  failover: ["failover", "statuses"],
  mirror: ["mirror", "to", "maxBody"],
} as const;

export const commonServiceKeys = Object.keys(commonKeys);

export type ServiceInput = z.output<typeof serviceMapping>;

const shortUrl = parsed({ what: "a backend URL", remedy: urlForms }, (value, refuse) => {
  const url = parseBackendUrl(value, refuse);
  return url === undefined ? undefined : onlyBackends([{ ...url, ...usual }]);
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
      return url === undefined ? undefined : onlyBackends([{ ...url, ...usual }]);
    }),
    backends.transform(onlyBackends),
    serviceMapping,
  ],
  { error: mustBe({ what: "the name of a service, a URL, a list of URLs or a mapping" }) },
);

export function onlyBackends(all: readonly Backend[]): ServiceInput {
  return { backends: [...all] };
}
