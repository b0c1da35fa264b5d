// A service as somebody would write it, from what it was resolved to. Names of other services stay as they are.

import { defaultBackendTls } from "./backend-tls-limits.ts";
import { filesWords, programWords } from "./files-words.ts";
import { defaultBreaker, defaultCheck, defaultHold, defaultMaintenance } from "./limits.ts";
import { defaultHashBound, defaultMirror, defaultPassive, defaultPool } from "./limits.ts";
import { defaultRetry, defaultSessions, gatewayPool } from "./limits.ts";
import { listWords } from "./middlewares/words.ts";
import { defaultPartCookie } from "./resolve-balance.ts";
import type {
  Backend,
  BackendService,
  BackendTls,
  Balance,
  HealthCheck,
  Maintenance,
  MirrorService,
  ProbeSettings,
  Service,
  SplitService,
  Sticky,
} from "./service.ts";
import { differing, duration, headers, keySource, percentage, said, share } from "./words.ts";
import { statuses, type Words } from "./words.ts";

/**
 * undefined = no words of the file can say it.
 * @param others where the program of a service with files is looked up
 */
export function serviceWords(
  service: Service,
  others: ReadonlyMap<string, Service> = new Map(),
): Words | undefined {
  const { maintenance, middlewares = [] } = service;
  const common = {
    ...(maintenance === undefined ? {} : { maintenance: maintenanceWords(maintenance) }),
    ...listWords(middlewares),
  };
  switch (service.kind) {
    case "backends":
      // Nobody is there now, which only a container can be.
      return service.backends.length === 0 ? undefined : { ...backendsWords(service), ...common };
    case "split":
      return { ...splitWords(service), ...common };
    case "failover": {
      const further = service.statuses.length === 0 ? {} : { statuses: statuses(service.statuses) };
      return { failover: service.services, ...further, ...common };
    }
    case "mirror":
      return { ...mirrorWords(service), ...common };
    case "files": {
      const program = others.get(service.scripts?.service ?? "");
      const own =
        program?.kind === "backends" ? backendsWords(program, service.scripts?.neverIn) : {};
      return { ...own, ...filesWords(service), ...common };
    }
    case "addressed":
      return undefined;
  }
}

/** The page is a file that was read, and where it was nobody knows any more. */
export function maintenanceWords({ allow, retryAfter }: Maintenance): unknown {
  const words = differing({ allow, retryAfter }, defaultMaintenance, {
    retryAfter: (seconds) => duration(seconds * 1000),
  });
  return Object.keys(words).length === 0 ? true : words;
}

function backendsWords(service: BackendService, neverIn: readonly string[] = []): Words {
  const { balance, slowStart, sticky, host, pool, tls, retry, check, passive } = service;
  const { whenAllDown, hold, breaker, proxyProtocol, guest, gateway } = service;
  const usualPool = gateway === undefined ? defaultPool : gatewayPool;
  return {
    ...(guest === undefined ? {} : { container: guest }),
    ...(gateway === undefined
      ? { backends: service.backends.map(backendWords) }
      : programWords(service, gateway, neverIn, backendWords)),
    ...balanceWords(balance),
    ...(slowStart === 0 ? {} : { slowStart: duration(slowStart) }),
    ...(sticky === undefined ? {} : { sticky: stickyWords(sticky, "tidegate") }),
    ...(host === "keep" ? {} : { host }),
    ...said("pool", differing(pool, usualPool, { maxWait: duration, idleTimeout: duration })),
    ...said("tls", tlsWords(tls)),
    ...said(
      "retry",
      differing(retry, defaultRetry, { tryTimeout: duration, statuses, budget: share }),
    ),
    ...(check === undefined ? {} : { check: checkWords(check) }),
    ...said(
      "passive",
      differing(passive, defaultPassive, {
        ratio: share,
        window: duration,
        slow: duration,
        statuses,
        deadFor: duration,
      }),
    ),
    ...(whenAllDown === "try" ? {} : { whenAllDown }),
    ...differing(hold, defaultHold, { holdFor: duration, pauseFor: duration }),
    ...(breaker === undefined ? {} : { breaker: breakerWords(breaker) }),
    ...(proxyProtocol === undefined ? {} : { proxyProtocol }),
  };
}

/** Files were read, and where they were nobody knows any more. */
function tlsWords({ verify, serverName, pins, minVersion, http2, alpn }: BackendTls): Words {
  const usual = { ...defaultBackendTls, verify: pins.length === 0 };
  return differing({ verify, serverName, pins, minVersion, http2, alpn }, usual, {
    pins: (all) => all.map((each) => `sha256/${each}`),
  });
}

function backendWords({ url, weight, tier }: Backend): unknown {
  const words = differing({ weight, tier }, { weight: 1, tier: 0 });
  return Object.keys(words).length === 0 ? url : { url, ...words };
}

function balanceWords(balance: Balance): Words {
  if (balance.policy !== "hash") {
    return balance.policy === "two-random" ? {} : { balance: balance.policy };
  }
  const { key, bound } = balance;
  const hash = { hash: keySource(key), ...differing({ bound }, { bound: defaultHashBound }) };
  return { balance: hash };
}

function stickyWords(sticky: Sticky, usualName: string): unknown {
  if (sticky.kind === "application") {
    const { source, idle, sessions } = sticky;
    const rest = differing({ idle, sessions }, defaultSessions, { idle: duration });
    return { session: keySource(source), ...rest };
  }
  const { kind: _kind, name, ...rest } = sticky;
  const usual = { path: "/", sameSite: "lax", httpOnly: true, secure: "auto" } as const;
  const words = {
    ...(name === usualName ? {} : { cookie: name }),
    ...differing(rest, usual, {
      maxAge: (seconds) => (seconds === undefined ? undefined : duration(seconds * 1000)),
    }),
  };
  return Object.keys(words).length === 0 ? true : words;
}

function checkWords({ probe, port, ...rest }: HealthCheck): Words {
  // What is usual follows from the interval.
  const fastInterval = Math.min(defaultCheck.fastInterval, rest.interval);
  const usual = { ...defaultCheck, fastInterval };
  return {
    ...probeWords(probe),
    ...(port === undefined ? {} : { port }),
    ...differing(rest, usual, { interval: duration, fastInterval: duration, timeout: duration }),
  };
}

function probeWords(probe: ProbeSettings): Words {
  switch (probe.kind) {
    case "http": {
      const { kind: _kind, path, ...rest } = probe;
      const usual = { method: "GET", headers: {}, statuses: [[200, 399]] } as const;
      return {
        http: path,
        ...differing(rest, { ...usual, statuses: [[200, 399]] }, { headers, statuses }),
      };
    }
    case "tcp": {
      const { send, expect } = probe;
      const words = differing({ send, expect }, {});
      return { tcp: Object.keys(words).length === 0 ? true : words };
    }
    case "grpc":
      return { grpc: probe.service === "" ? true : probe.service };
    case "mysql":
    case "postgres":
      return { [probe.kind]: true };
  }
}

function breakerWords(breaker: NonNullable<BackendService["breaker"]>): unknown {
  const { text, expression: _expression, ...rest } = breaker;
  const words = differing(rest, defaultBreaker, {
    checkPeriod: duration,
    fallbackDuration: duration,
    recoveryDuration: duration,
  });
  return Object.keys(words).length === 0 ? text : { when: text, ...words };
}

function splitWords({ parts, sticky }: SplitService): Words {
  const isPlain = parts.every(({ when }) => when === undefined);
  const split = isPlain
    ? Object.fromEntries(parts.map(({ service, weight }) => [service, weight]))
    : parts.map(({ service, weight, when }) => ({
        service,
        weight,
        ...(when === undefined ? {} : { when: { [when.from]: { [when.name]: when.value } } }),
      }));
  const words = sticky === undefined ? {} : { sticky: stickyWords(sticky, defaultPartCookie) };
  return { split, ...words };
}

function mirrorWords({ service, copies, maxBody }: MirrorService): Words {
  return {
    mirror: service,
    to: Object.fromEntries(copies.map((each) => [each.service, percentage(each.percent)])),
    ...differing({ maxBody }, defaultMirror),
  };
}
