// Which keys of a service say nothing for backends that are not spoken HTTP to. They are refused rather
// than passed over: who writes `sticky` for a database believes to have it.

import { report } from "./context.ts";
import type { Context } from "./context.ts";
import type { Path } from "./problem.ts";
import type { ServiceInput } from "./service-schema.ts";
import type { Backend } from "./service.ts";

const ofHttp = [
  "sticky",
  "host",
  "breaker",
  "maintenance",
  "pool.maxIdle",
  "pool.idleTimeout",
  "retry.replayBody",
  "retry.nonIdempotent",
  "retry.tryTimeout",
  "retry.statuses",
  "retry.budget",
  "tls.http2",
  "passive.slow",
  "passive.statuses",
  "timeouts.body",
  "timeouts.response",
  "timeouts.responseBody",
];

/** A datagram is sent and forgotten: there is no connection that could wait, be tried again or be encrypted. */
const ofConnections = ["pool", "tls", "retry", "timeouts", "holdFor", "maxHeld", "pauseFor"];

export function checkStreamKeys(
  context: Context,
  protocol: Backend["protocol"],
  input: ServiceInput,
  path: Path,
): void {
  const refuse = (key: string, message: string, remedy = "leave it out") =>
    report(context, [...path, ...key.split(".")], { message, remedy, at: "key" });
  if (protocol !== "tcp" && input.proxyProtocol !== undefined) {
    const instead = protocol === "http" ? "HTTP says it in X-Forwarded-For" : "leave it out";
    refuse("proxyProtocol", `goes to tcp backends, and these are ${protocol}`, instead);
  }
  if (protocol === "http") return;
  const barred = protocol === "udp" ? [...ofHttp, ...ofConnections] : ofHttp;
  const isBarred = (key: string) => barred.some((each) => each === key);
  for (const [key, value] of Object.entries(input)) {
    if (value === undefined) continue;
    if (isBarred(key)) refuse(key, `says nothing for ${protocol} backends`);
    else if (typeof value === "object" && !Array.isArray(value)) {
      for (const [inner, one] of Object.entries(value)) {
        const both = `${key}.${inner}`;
        if (one !== undefined && isBarred(both))
          refuse(both, `says nothing for ${protocol} backends`);
      }
    }
  }
  checkHash(protocol, input, refuse);
  checkCheck(protocol, input, refuse);
}

type RefuseKey = (key: string, message: string, remedy?: string) => void;

function checkHash(protocol: string, { balance }: ServiceInput, refuse: RefuseKey): void {
  if (balance === undefined || "policy" in balance || balance.hash.from === "client-ip") return;
  const message = `${protocol} backends know of no ${balance.hash.from}`;
  refuse("balance.hash", message, "write client-ip");
}

/**
 * A database often has an HTTP server beside it that knows how it is (Patroni on port 8008), and a DNS
 * server answers over TCP too: so a check of another kind is fine when it goes to another port.
 */
function checkCheck(protocol: string, { check }: ServiceInput, refuse: RefuseKey): void {
  if (check === undefined || check.port !== undefined) return;
  if (check.http !== undefined) {
    const message = `${protocol} backends are not spoken HTTP to`;
    refuse("check", message, "write { tcp: true }, or add the port where they are");
  } else if (protocol === "udp" && check.tcp === undefined) {
    const message = "udp backends have no such server at this port";
    refuse("check", message, "write { tcp: true }, or add the port where they have");
  }
}
