// The schema of what keeps a service well: `check` (asked by us), `passive` (learnt from traffic),
// `breaker` and `maintenance`. What needs more than one key is checked in `resolve-health.ts`.

import * as z from "zod";
import { formatDuration } from "../lib/duration.ts";
import { authority, isToken, pairs, statuses } from "./http-scalar.ts";
import { defaultBreaker, defaultCheck, defaultMaintenance, defaultPassive } from "./limits.ts";
import { leastBreaker, leastCheck, leastDeadFor } from "./limits.ts";
import { durationKey, duration, filePath, flag, integer, key, mapping, mustBe } from "./scalar.ts";
import { networks, on, parsed, shareKey, text } from "./scalar.ts";

/** A path with its query, sent as it is. */
const checkPath = parsed({ what: "a path", remedy: "write /health" }, (value, refuse) => {
  if (/^https?:/i.test(value)) {
    return refuse("a check names a path; the backends are known", "write /health");
  }
  const shown = JSON.stringify(value);
  if (!value.startsWith("/")) return refuse(`${shown} is not a path`, `write /${value}`);
  return /^[\x21-\x7e]+$/.test(value) && !value.includes("#")
    ? value
    : refuse(`${shown} has a space, a control, # or a letter beyond ASCII`, "encode it: %20");
}).meta({ title: "path" });

const tcpCheck = z.union(
  [
    on().transform((): { send?: string | undefined; expect?: string | undefined } => ({})),
    mapping({
      send: key(text({ what: "a text" }), "Sent once connected; in double quotes `\\r\\n` works."),
      expect: key(
        text({ what: "a text" }).min(1, "must not be empty\nleave it out"),
        "Text that must come back within the first 64 KiB.",
      ),
    }),
  ],
  { error: mustBe({ what: "true or { send, expect }" }) },
);

const grpcCheck = z.union(
  [
    on().transform(() => ""),
    parsed({ what: "a gRPC service" }, (value, refuse) =>
      /^[\w./-]{1,256}$/.test(value)
        ? value
        : refuse(`${JSON.stringify(value)} is not the name of a gRPC service`, "write true"),
    ),
  ],
  { error: mustBe({ what: "true or the name of a gRPC service" }) },
);

/** These are ours to write: a wrong one would make the check fail for ever. */
const framing = ["connection", "content-length", "transfer-encoding", "upgrade"];

const checkHeaders = pairs("header field", isToken).superRefine((all, context) => {
  for (const [name, value] of Object.entries(all)) {
    const refuse = (message: string) =>
      context.addIssue({ code: "custom", path: [name], message: `${message}\nleave it out` });
    if (framing.includes(name.toLowerCase())) refuse("is written by the check itself");
    // RFC 9110 section 5.5
    else if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) refuse("has a line end or a control");
  }
});

const checkMapping = mapping({
  http: key(checkPath, "Path to ask for; the answer must have one of `statuses`."),
  tcp: key(tcpCheck, "Connects; sends and expects a text where there is one."),
  grpc: key(grpcCheck, "`grpc.health.v1.Health/Check`, of the server or of this service."),
  mysql: key(on(), "Reads the greeting of a MySQL or MariaDB server."),
  postgres: key(on(), "Begins the handshake with a PostgreSQL server."),
  method: key(z.enum(["GET", "HEAD", "OPTIONS", "POST"]), "Method, for `http`.", "GET"),
  host: key(authority, "Host header, for `http`. Without it: the backend's."),
  headers: key(checkHeaders, "Further header fields, for `http`."),
  statuses: key(statuses(200), "Good answers, for `http`: statuses and ranges.", ["200-399"]),
  body: key(
    text({ what: "a text" }).min(1, "must not be empty\nleave it out"),
    "Text that must occur in the first 64 KiB of the body, for `http`.",
  ),
  port: key(integer(1, 65_535), "Another port than the backend's."),
  interval: durationKey("Between two checks.", defaultCheck.interval, leastCheck.interval),
  fastInterval: key(
    duration(leastCheck.interval),
    "As `interval`, while a backend is down or the next answer may change what it is. At most `interval`.",
    formatDuration(defaultCheck.fastInterval),
  ),
  timeout: durationKey("For one check, all of it.", defaultCheck.timeout, leastCheck.timeout),
  rise: key(integer(1, 100), "Good answers in a row until it is up.", defaultCheck.rise),
  fall: key(integer(1, 100), "Bad answers in a row until it is down.", defaultCheck.fall),
  initially: key(z.enum(["up", "down"]), "What it is before the first answer.", "up"),
});

export type CheckInput = z.output<typeof checkMapping>;

export const check = z.union(
  [checkPath.transform((path): CheckInput => ({ http: path })), checkMapping],
  { error: mustBe({ what: "a path or a mapping", remedy: "write /health, or { tcp: true }" }) },
);

export const passive = mapping({
  connectFailures: key(
    integer(0, 10_000),
    "Connections that fail in a row until a backend is dead; 0 = never.",
    defaultPassive.connectFailures,
  ),
  failures: key(
    integer(0, 10_000),
    "Requests that fail in a row until a backend is dead; 0 = never.",
    defaultPassive.failures,
  ),
  ratio: shareKey(
    "Share of failed requests within `window` that makes it dead; 0 = never.",
    defaultPassive.ratio,
  ),
  minRequests: key(
    integer(1, 1_000_000),
    "With fewer requests within `window`, `ratio` says nothing.",
    defaultPassive.minRequests,
  ),
  window: durationKey("What `ratio` looks back on.", defaultPassive.window, 1000),
  slow: durationKey(
    "An answer that takes longer counts as failed; 0 = none does.",
    defaultPassive.slow,
  ),
  statuses: key(statuses(400), "Answers that count as failed.", []),
  deadFor: durationKey(
    "How long a dead backend gets nothing; then one request is tried.",
    defaultPassive.deadFor,
    leastDeadFor,
  ),
});

const expressionForms = 'write "NetworkErrorRatio() > 0.30"';

const expression = text({ what: "an expression", remedy: expressionForms });

const breakerMapping = mapping({
  when: expression.meta({
    description:
      "Traefik's expression: `NetworkErrorRatio()`, `ResponseCodeRatio(500, 600, 0, 600)`, `LatencyAtQuantileMS(50.0)`, compared and joined by `&&`, `||`, `!`.",
  }),
  checkPeriod: durationKey(
    "How often it is looked at.",
    defaultBreaker.checkPeriod,
    leastBreaker.checkPeriod,
  ),
  fallbackDuration: durationKey(
    "How long everything is refused.",
    defaultBreaker.fallbackDuration,
    leastBreaker.duration,
  ),
  recoveryDuration: durationKey(
    "How long it takes to let everything through again, more and more.",
    defaultBreaker.recoveryDuration,
    leastBreaker.duration,
  ),
  status: key(integer(400, 599), "Status of the refusal.", defaultBreaker.status),
});

export type BreakerInput = z.output<typeof breakerMapping>;

export const breaker = z.union(
  [expression.transform((when): BreakerInput => ({ when })), breakerMapping],
  { error: mustBe({ what: "an expression or a mapping with when", remedy: expressionForms }) },
);

const maintenanceMapping = mapping({
  allow: key(networks(), "Networks of clients that are served as ever."),
  page: key(filePath(), "HTML file to answer with, instead of the built-in page."),
  retryAfter: durationKey(
    "Retry-After of the answer, in whole seconds.",
    defaultMaintenance.retryAfter * 1000,
    1000,
  ),
});

export type MaintenanceInput = z.output<typeof maintenanceMapping>;

export const maintenance = z.union(
  [
    flag().transform((isOn): MaintenanceInput | undefined => (isOn ? {} : undefined)),
    maintenanceMapping,
  ],
  { error: mustBe({ what: "true, false or a mapping", remedy: "write true" }) },
);
