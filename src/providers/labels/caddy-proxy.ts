// `reverse_proxy` of a Caddyfile as the settings of a service. What it leads to is the container itself,
// `{{upstreams}}`; any other address is somebody else's.

import type { Note } from "../../config/finding.ts";
import type { Directive } from "./caddy-tree.ts";
import { fault, hint, shown, warning } from "./note.ts";
import type { WishedService } from "./wish.ts";

export interface ProxyWish {
  readonly scheme: WishedService["scheme"];
  readonly port: number;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly labels: readonly (readonly [string, string])[];
}

/** `upstreams` are the arguments behind the matcher. undefined = it leads elsewhere. */
export function readProxy(
  directive: Directive,
  upstreams: readonly string[],
  notes: Note[],
): ProxyWish | undefined {
  const to = directive.below.filter(({ name }) => name === "to").flatMap(({ args }) => args);
  const [written, ...more] = [...upstreams, ...to];
  const target = written === undefined ? undefined : targetOf(written);
  if (target === undefined || more.length > 0) {
    const message = `leads to ${shown([written, ...more].join(" "))}, and a label may only lead to its own container`;
    notes.push(fault(directive.label, message, 'write "{{upstreams 8080}}"'));
    return undefined;
  }
  if (target.isUnknown) {
    notes.push(
      fault(
        directive.label,
        `${shown(written ?? "")} is not understood`,
        'write "{{upstreams 8080}}"',
      ),
    );
    return undefined;
  }
  const settings: Record<string, unknown> = {};
  const labels: (readonly [string, string])[] = [];
  let { scheme } = target;
  const set = (key: string, value: unknown, label: string) => {
    const before = settings[key];
    settings[key] = isMapping(before) && isMapping(value) ? { ...before, ...value } : value;
    labels.push([`service.${key}`, label]);
  };
  for (const option of directive.below) {
    if (option.name === "transport") {
      const secure = option.below.filter(({ name }) => name.startsWith("tls"));
      if (secure.length > 0) scheme = "https";
      for (const { name, args, label } of secure) {
        if (name === "tls_insecure_skip_verify") set("tls", { verify: false }, label);
        else if (name === "tls_server_name") set("tls", { serverName: args[0] }, label);
        else if (name !== "tls") {
          notes.push(warning(label, `${name} is not understood here, and changes nothing`));
        }
      }
    } else if (option.name !== "to") readOption(option, set, notes);
  }
  return { scheme, port: target.port, settings, labels };
}

interface Target {
  readonly scheme: "http" | "https";
  /** As Caddy has it: the usual one of the scheme, whatever the container exposes. */
  readonly port: number;
  readonly isUnknown: boolean;
}

function targetOf(text: string): Target | undefined {
  const [, inside] = /^\{\{\s*upstreams\b(.*)\}\}$/s.exec(text) ?? [];
  if (inside === undefined) return undefined;
  let scheme: Target["scheme"] = "http";
  let port: number | undefined;
  let isUnknown = false;
  for (const word of inside.split(/\s+/).filter((each) => each !== "")) {
    const value = /^\d{1,5}$/.test(word) ? Number(word) : 0;
    if (word === "http" || word === "https") scheme = word;
    else if (value >= 1 && value <= 65_535) port = value;
    else isUnknown = true;
  }
  return { scheme, port: port ?? (scheme === "https" ? 443 : 80), isUnknown };
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

const policies = new Map<string, unknown>([
  ["round_robin", "round-robin"],
  ["weighted_round_robin", "round-robin"],
  ["least_conn", "least-connections"],
  ["random", "random"],
  ["random_choose", "two-random"],
  ["ip_hash", { hash: "client-ip" }],
  ["client_ip_hash", { hash: "client-ip" }],
  ["uri_hash", { hash: "path" }],
]);

function readOption(
  { name, args, label }: Directive,
  set: (key: string, value: unknown, label: string) => void,
  notes: Note[],
): void {
  const [first = "", second = ""] = args;
  const policy = policies.get(first);
  if (name === "lb_policy" && policy !== undefined) set("balance", policy, label);
  else if (name === "lb_policy" && first === "header") {
    set("balance", { hash: `header:${second}` }, label);
  } else if (name === "lb_policy" && first === "cookie") set("sticky", true, label);
  else if (name === "lb_try_duration") set("holdFor", first, label);
  else if (name === "health_uri" || name === "health_path") set("check", { http: first }, label);
  else if (name === "health_interval") set("check", { interval: first }, label);
  else if (name === "health_timeout") set("check", { timeout: first }, label);
  else if (name === "health_port") set("check", { port: first }, label);
  else if (name === "header_up" && /^host$/i.test(first) && /upstream.*hostport/.test(second)) {
    set("host", "backend", label);
  } else if (name === "header_up" && /^x-(forwarded-\w+|real-ip)$/i.test(first)) {
    notes.push(hint(label, `${first} is sent as the listener's trustedProxies say`));
  } else if (name === "flush_interval") {
    notes.push(hint(label, "answers are always passed on as they come"));
  } else notes.push(warning(label, `${name} is not understood here, and changes nothing`));
}
