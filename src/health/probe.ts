// One check of one backend. Never throws, ends within the check's timeout, reads 64 KiB at most, and leaves
// no socket behind, whatever the other side does.

import type { ProbeSettings } from "../config/service.ts";
import { Attempt, type ProbeTarget, type Verdict } from "./attempt.ts";
import { quote } from "../lib/quote.ts";
import { probeGateway } from "./gateway-probe.ts";
import { probeGrpc } from "./grpc-probe.ts";
import { probeHttp } from "./http2-probe.ts";
import { probeMysql } from "./mysql-probe.ts";
import { probePostgres } from "./postgres-probe.ts";
import { probeTcp } from "./tcp-probe.ts";

export type { ProbeTarget, Verdict } from "./attempt.ts";

export function probe(target: ProbeTarget, signal: AbortSignal): Promise<Verdict> {
  return new Promise((resolve) => {
    const attempt = new Attempt(target, signal, resolve);
    if (attempt.isOver) return;
    try {
      start(attempt, target.check.probe);
    } catch (error) {
      // A connection that cannot even be begun: a port or a certificate that Node refuses.
      attempt.bad(`cannot be checked: ${quote(String(error))}`);
    }
  });
}

function start(attempt: Attempt, settings: ProbeSettings): void {
  switch (settings.kind) {
    case "http": {
      const { speaks } = attempt.target.backend;
      if (speaks === undefined) return probeHttp(attempt, settings);
      return probeGateway(attempt, speaks, settings);
    }
    case "tcp":
      return probeTcp(attempt, settings);
    case "grpc":
      return probeGrpc(attempt, settings);
    case "mysql":
      return probeMysql(attempt);
    case "postgres":
      return probePostgres(attempt);
  }
}
