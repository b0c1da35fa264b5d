// A service that nobody is behind: what the file leads to by a name that discovery gives, while there is no
// container of that name.

import { defaultBackendTls } from "./backend-tls-limits.ts";
import { defaultHold, defaultPassive, defaultPool } from "./limits.ts";
import { defaultRetry } from "./limits.ts";
import type { BackendService } from "./service.ts";

export function emptyService(name: string, origin: BackendService["origin"]): BackendService {
  return {
    kind: "backends",
    name,
    origin,
    maintenance: undefined,
    backends: [],
    absent: [{ name, state: "missing", why: `nothing that was found is called ${name}` }],
    onDemand: undefined,
    balance: { policy: "two-random" },
    slowStart: 0,
    sticky: undefined,
    host: "keep",
    pool: defaultPool,
    tls: defaultBackendTls,
    retry: defaultRetry,
    check: undefined,
    passive: defaultPassive,
    whenAllDown: "try",
    hold: defaultHold,
    breaker: undefined,
    proxyProtocol: undefined,
  };
}
