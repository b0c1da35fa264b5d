// `reverse_proxy` of a Caddyfile as the settings of a service. What it leads to is the container itself,
// `{{upstreams}}`; any other address is somebody else's.

import type { Note } from "../../config/finding.ts";
import { listedOf, takenOutBy, takenOutText } from "./caddy-lists.ts";
import type { Directive } from "./caddy-tree.ts";
import { fault, hint, shown, warning } from "./note.ts";
import type { WishedService } from "./wish.ts";

export interface ProxyWish {
  readonly scheme: WishedService["scheme"];
  readonly port: number;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly labels: readonly (readonly [string, string])[];
  /** Middlewares for what the backend is asked. */
  readonly lists: readonly Readonly<Record<string, unknown>>[];
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
      const versions = option.below.find(({ name }) => name === "versions");
      if (secure.length > 0) scheme = "https";
      else if (versions?.args.includes("h2c") === true) scheme = "h2c";
      const isOld = versions !== undefined && !versions.args.some((each) => /^h2c$|^2$/.test(each));
      if (isOld && scheme === "https") set("tls", { http2: false }, versions.label);
      for (const { name, args, label } of secure) {
        if (name === "tls_insecure_skip_verify") set("tls", { verify: false }, label);
        else if (name === "tls_server_name") set("tls", { serverName: args[0] }, label);
        else if (name !== "tls") {
          notes.push(warning(label, `${name} is not understood here, and changes nothing`));
        }
      }
    } else if (option.name !== "to") readOption(option, set, notes);
  }
  return { scheme, port: target.port, settings, labels, lists: fieldsOf(directive) };
}

/** All of `header_up` in one: a route has only so many middlewares. */
function fieldsOf({ below }: Directive): ProxyWish["lists"] {
  const fields = below.flatMap((option) => {
    const field = fieldOf(option);
    return field === undefined || listedOf(field) === undefined ? [] : [field];
  });
  const [first] = fields;
  if (first === undefined) return [];
  const lines = fields.map(({ args: [name = "", ...args], label }) => ({
    name,
    args,
    label,
    below: [],
  }));
  // Two spellings of one name do not stand in one.
  const each = () => fields.flatMap((field) => listedOf(field) ?? []);
  return listedOf({ ...first, args: [], below: lines }) ?? each();
}

/** `header_up` as the directive that does the same; undefined = it is none, or another setting of ours. */
function fieldOf(option: Directive): Directive | undefined {
  const [name = ""] = option.args;
  if (option.name !== "header_up" || name === "" || /^host$/i.test(name) || ofForwarding.test(name))
    return undefined;
  return { ...option, name: "request_header" };
}

const ofForwarding = /^[-+]?x-(forwarded-(for|host|port|proto|protocol|server|prefix)|real-ip)$/i;

interface Target {
  readonly scheme: "http" | "https" | "h2c";
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
    if (word === "http" || word === "https" || word === "h2c") scheme = word;
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
  option: Directive,
  set: (key: string, value: unknown, label: string) => void,
  notes: Note[],
): void {
  const { name, args, label } = option;
  const [first = "", second = ""] = args;
  const field = fieldOf(option);
  if (field !== undefined && listedOf(field) !== undefined) {
    const names = takenOutBy(field);
    if (names.length > 0) notes.push(warning(label, takenOutText(names)));
    return;
  }
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
  } else if (name === "header_up" && ofForwarding.test(first)) {
    notes.push(hint(label, `${first} is sent as the listener's trustedProxies say`));
  } else if (name === "flush_interval") {
    notes.push(hint(label, "answers are always passed on as they come"));
  } else notes.push(warning(label, `${name} is not understood here, and changes nothing`));
}
