// What nginx-proxy's variables and labels say of a container besides where it is: who may come, how it is
// balanced, and what belongs to TLS.

import type { Note } from "../../config/finding.ts";
import type { Workload } from "../workload.ts";
import { readHsts } from "./nginx-hsts.ts";
import { fault, hint, shown, warning } from "./note.ts";
import { call, either } from "./rule-text.ts";

export interface NginxSettings {
  /** Of the route's rule; undefined = anybody. */
  readonly condition: string | undefined;
  readonly route: Readonly<Record<string, unknown>>;
  readonly service: Readonly<Record<string, unknown>>;
  readonly labels: readonly (readonly [string, string])[];
  /** undefined = it is open. */
  readonly closedBecause: string | undefined;
}

const prefix = "com.github.nginx-proxy.nginx-proxy.";

/** As nginx-proxy's `network_internal.conf`. */
const internal = either(
  ["127.0.0.0/8", "10.0.0.0/8", "192.168.0.0/16", "172.16.0.0/12"].map((network) =>
    call("ClientIP", network),
  ),
);

export function readNginxSettings(
  { labels }: Workload,
  read: (variable: string) => string,
  notes: Note[],
): NginxSettings {
  const service: Record<string, unknown> = {};
  const places: (readonly [string, string])[] = [];
  let closedBecause: string | undefined;
  for (const [label, value] of Object.entries(labels)) {
    if (!label.startsWith(prefix)) continue;
    const key = label.slice(prefix.length);
    if (key === "ssl_verify_client") {
      if (/^(off|)$/i.test(value.trim())) continue;
      closedBecause = "certificates of clients are not asked for by labels";
      const remedy = "say clientAuth in tls.hosts of the configuration file, and leave it out";
      notes.push(fault(label, `${closedBecause}, so the route is closed`, remedy));
    } else if (key === "keepalive") {
      readKeepalive(label, value.trim(), { service, places, notes });
    } else if (key === "loadbalance") {
      readBalance(label, value.trim(), { service, places, notes });
    } else {
      notes.push(warning(label, "is not understood, and changes nothing"));
    }
  }
  readTlsVariables(read, notes);
  const access = read("NETWORK_ACCESS").toLowerCase();
  if (access !== "" && access !== "external" && access !== "internal") {
    closedBecause = "who may come is not understood";
    const remedy = "write internal or external";
    notes.push(
      fault("NETWORK_ACCESS", `${shown(access)} is not known; the route is closed`, remedy),
    );
  }
  const method = read("HTTPS_METHOD").toLowerCase();
  const hsts = readHsts(read("HSTS").trim(), notes);
  return {
    condition: access === "internal" ? internal : undefined,
    route: {
      ...(method === "nohttp" ? { forceHttps: true } : {}),
      ...(method === "redirect" ? { redirect: "https" } : {}),
      ...(hsts === undefined ? {} : { hsts }),
    },
    service,
    labels: [
      ...places,
      ["route.forceHttps", "HTTPS_METHOD"],
      ["route.redirect", "HTTPS_METHOD"],
      ["route.hsts", "HSTS"],
    ],
    closedBecause,
  };
}

interface Into {
  readonly service: Record<string, unknown>;
  readonly places: (readonly [string, string])[];
  readonly notes: Note[];
}

function readKeepalive(label: string, value: string, { service, places, notes }: Into): void {
  if (value === "auto") return;
  const count = value === "disabled" ? 0 : /^\d{1,5}$/.test(value) ? Number(value) : undefined;
  if (count === undefined) {
    notes.push(warning(label, `${shown(value)} is no number of connections`));
    return;
  }
  service["pool"] = { maxIdle: count };
  places.push(["service.pool", label]);
}

const balances: readonly (readonly [RegExp, unknown])[] = [
  [/^least_conn$/, "least-connections"],
  [/^ip_hash$/, { hash: "client-ip" }],
  [/^hash\s+\$remote_addr(\s+consistent)?$/, { hash: "client-ip" }],
  [/^hash\s+\$(request_)?uri(\s+consistent)?$/, { hash: "path" }],
  [/^random$/, "random"],
  [/^random\s+two(\s+least_conn)?$/, "two-random"],
  [/^round_robin$/, "round-robin"],
];

function readBalance(label: string, value: string, { service, places, notes }: Into): void {
  const directive = value.replace(/;\s*$/, "").trim();
  const found = balances.find(([pattern]) => pattern.test(directive));
  if (found === undefined) {
    const remedy = "use the label tidegate.service.balance";
    notes.push(
      warning(label, `${shown(directive)} is not understood, and changes nothing`, remedy),
    );
    return;
  }
  service["balance"] = found[1];
  places.push(["service.balance", label]);
}

const tlsVariables = new Map([
  ["CERT_NAME", "certificates are found by the names in them; see tls.certificates"],
  ["SSL_POLICY", "versions are said in tls.profile of the configuration file"],
  ["TRUST_DEFAULT_CERT", "see tls.default of the configuration file"],
  ["ENABLE_HTTP_ON_MISSING_CERT", "who comes in the clear is served unless HTTPS_METHOD is said"],
]);

function readTlsVariables(read: (variable: string) => string, notes: Note[]): void {
  for (const [name, text] of tlsVariables) if (read(name) !== "") notes.push(hint(name, text));
  const method = read("HTTPS_METHOD").toLowerCase();
  const about = "HTTPS_METHOD";
  switch (method) {
    case "":
    case "noredirect":
    case "redirect":
      return;
    case "nohttp":
      notes.push(hint(about, "what comes by http is redirected to https"));
      return;
    case "nohttps":
      notes.push(hint(about, "the route is there by https as well, where a listener has TLS"));
      return;
    default:
      notes.push(warning(about, `${shown(method)} is not understood, and changes nothing`));
  }
}
