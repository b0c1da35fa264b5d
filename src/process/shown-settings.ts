// Settings as operators are shown them. What is shown is named here, one by one: a new setting may hold a password.

import { HostOptions } from "../config/host-options.ts";
import type { Snapshot } from "../config/snapshot.ts";
import type { TlsOptions } from "../config/tls-settings.ts";

export function shownSettings(snapshot: Snapshot): Readonly<Record<string, unknown>> {
  const { listeners, limits, shutdown, accessLog, errorPages, debug, compat, workers } = snapshot;
  const { runAs, controlSocket, pidFile, stateFolder, admin, alerts, fleet, providers, tracing } =
    snapshot;
  const { places, defaultName, hosts, options } = snapshot.tls;
  const effective = new HostOptions(hosts, options);
  return {
    listeners: listeners.map(
      ({ name, bind, protocol, tls, http2, service, proxyProtocol, timeouts, trustedProxies }) => ({
        ...{ name, bind, protocol, tls: tls === undefined ? false : shownTls(tls) },
        ...{ http2, service, proxyProtocol, timeouts, trustedProxies },
      }),
    ),
    tls: {
      certificates: places,
      default: defaultName,
      hosts: Object.fromEntries(hosts.map(({ name }) => [name, shownTls(effective.of(name))])),
    },
    ...{ limits, shutdown, accessLog, errorPages, debug, compat, workers },
    ...{ runAs, controlSocket, pidFile, stateFolder },
    admin:
      admin === undefined
        ? false
        : {
            bind: `${admin.host}:${admin.port}`,
            tls: admin.tls !== undefined,
            hosts: admin.hosts,
            cors: admin.cors,
          },
    tracing: tracing === undefined ? false : { sample: tracing.sample, trust: tracing.trust },
    metrics: snapshot.metrics,
    alerts: alerts !== undefined,
    fleet: fleet === undefined ? false : { node: fleet.node, prefix: fleet.server.prefix },
    providers: providers.map(({ name, kind }) => ({ name, kind })),
  };
}

/** Authorities are texts of many lines. */
function shownTls({ profile, strict, clientAuth }: TlsOptions): Readonly<Record<string, unknown>> {
  return { profile, strict, clientAuth: clientAuth?.mode ?? false };
}
