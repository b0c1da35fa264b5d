// The schema of how backends are chosen: `balance` and `sticky`. What needs more than one key at a time
// is checked in `resolve-balance.ts`.

import * as z from "zod";
import { normaliseHostPattern } from "../lib/host.ts";
import { nearest } from "../lib/nearest.ts";
import { cookieName, parseKeySource } from "./http-scalar.ts";
import { defaultHashBound, defaultSessions } from "./limits.ts";
import { decimal, durationKey, flag, integer, key, mapping } from "./scalar.ts";
import { mustBe, parsed } from "./scalar.ts";

export const policies = [
  "two-random",
  "round-robin",
  "least-connections",
  "least-time",
  "random",
] as const;

const hashKeys = { plain: ["client-ip", "path"], named: ["header", "cookie", "query"] };

const hashForms = "write client-ip, path, header:NAME, cookie:NAME or query:NAME";

// 1 is the least that can be kept to: with less, not everybody would find a place.
const boundError = mustBe({ what: "0, or a number from 1 to 100" });

const hash = mapping({
  hash: parsed({ what: "what to hash", remedy: hashForms }, (value, refuse) =>
    parseKeySource(value, hashKeys, refuse),
  ).meta({
    title: "text",
    description:
      "The same value goes to the same backend: `client-ip`, `path`, `header:NAME`, `cookie:NAME` or `query:NAME`.",
  }),
  bound: key(
    decimal(0, 100).refine((value) => value === 0 || value >= 1, { error: boundError }),
    "No backend gets more than so many times its share; the next one on the ring takes the rest. 0 = no bound.",
    defaultHashBound,
  ),
});

const policyForms = `write ${policies.join(", ")} or { hash: client-ip }`;

// A text with an `enum` rather than an enum: so a slip gets the nearest name.
const policy = parsed({ what: "a policy", remedy: policyForms }, (value, refuse) => {
  const found = policies.find((each) => each === value);
  if (found !== undefined) return { policy: found };
  if (value === "hash")
    return refuse("hash needs to know what to hash", "write { hash: client-ip }");
  const near = nearest(value, policies);
  const remedy = near === undefined ? policyForms : `write ${near}`;
  return refuse(`there is no policy ${JSON.stringify(value)}`, remedy);
}).meta({ enum: [...policies] });

export const balance = z.union([policy, hash], {
  error: mustBe({ what: "a policy or { hash, bound }", remedy: policyForms }),
});

const cookiePath = parsed({ what: "a path", remedy: "write /" }, (value, refuse) =>
  /^\/[^\s;\p{Cc}]*$/u.test(value)
    ? value
    : refuse(`${JSON.stringify(value)} is not the path of a cookie`, "write /"),
);

const cookieDomain = parsed({ what: "a domain" }, (value, refuse) => {
  const host = value.includes("*") ? undefined : normaliseHostPattern(value.replace(/^\./, ""));
  return host === undefined || host.startsWith("[") || /^[\d.]+$/.test(host)
    ? refuse(`${JSON.stringify(value)} is not the domain of a cookie`, "write example.com")
    : host;
});

const sessionForms = "write cookie:JSESSIONID or header:X-Session";

const stickyMapping = mapping({
  cookie: key(cookieName, "Name of the cookie we set. A split has `tidegate-part`.", "tidegate"),
  path: key(cookiePath, "Its path.", "/"),
  domain: key(cookieDomain, "Its domain. Without it: only the host that was asked."),
  maxAge: durationKey("How long browsers keep it; 0 = until they are closed.", 0),
  sameSite: key(z.enum(["lax", "strict", "none"]), "Its SameSite. `none` is always Secure.", "lax"),
  httpOnly: key(flag(), "Whether scripts in pages are kept from reading it.", true),
  secure: key(
    z.enum(["auto", "always", "never"]),
    "Whether it goes over TLS only; `auto` = when it was set over TLS.",
    "auto",
  ),
  legacy: key(
    cookieName,
    "Another cookie that is accepted, whose value is `HOST:PORT` of a backend, such as `SERVERID`.",
  ),
  session: key(
    parsed({ what: "where the session is", remedy: sessionForms }, (value, refuse) => {
      const source = parseKeySource(value, { plain: [], named: ["cookie", "header"] }, refuse);
      return source?.from === "cookie" || source?.from === "header"
        ? { from: source.from, name: source.name }
        : undefined;
    }).meta({ title: "text" }),
    "Instead of a cookie of ours, the application's own session: `cookie:NAME` or `header:NAME`.",
  ),
  idle: durationKey(
    "How long such a session is remembered that nobody uses.",
    defaultSessions.idle,
    1000,
  ),
  sessions: key(
    integer(1, 10_000_000),
    "Such sessions remembered, in each worker; beyond it the oldest is forgotten.",
    defaultSessions.sessions,
  ),
});

export type StickyMapping = z.output<typeof stickyMapping>;

export const sticky = z.union(
  [flag().transform((isOn): StickyMapping | undefined => (isOn ? {} : undefined)), stickyMapping],
  { error: mustBe({ what: "true, false or a mapping", remedy: "write true" }) },
);
