// Where nginx passes requests on: `upstream` blocks and addresses of `proxy_pass`, as services.

import { isDeepStrictEqual } from "node:util";
import { hasOwnPort, socketOf } from "./address.ts";
import { containerKey, withContainer } from "../own-path.ts";
import type { Outline, Settings } from "../outline.ts";
import { shown } from "../outline.ts";
import type { Directive } from "./tree.ts";
import { timeOf } from "./values.ts";

export class Upstreams {
  readonly #outline: Outline;
  readonly #blocks = new Map<string, Directive>();
  /** What was made already, by what it is. */
  readonly #made = new Map<string, string>();
  readonly #used = new Set<string>();

  constructor(directives: readonly Directive[], outline: Outline) {
    this.#outline = outline;
    for (const each of directives) {
      const [name] = each.args;
      if (each.name === "upstream" && name !== undefined) this.#blocks.set(name, each);
    }
  }

  has(name: string): boolean {
    return this.#blocks.has(name);
  }

  /** Name of a service of this upstream, made when it is asked for. `extra` are settings of those who use it. */
  service(name: string, scheme: string, extra: Settings): string {
    const key = JSON.stringify([name, scheme, extra]);
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const block = this.#blocks.get(name);
    const settings = block === undefined ? {} : settingsOf(block, scheme, this.#outline);
    const made = this.#outline.add("services", name.replaceAll("/", "-"), {
      ...settings,
      ...extra,
    });
    this.#made.set(key, made);
    return made;
  }

  /** What an `upstream` is as a service, for who makes a service of more; undefined = there is none of that name. */
  settings(name: string, scheme: string): Settings | undefined {
    const block = this.#blocks.get(name);
    if (block === undefined) return undefined;
    this.#used.add(name);
    return settingsOf(block, scheme, this.#outline);
  }

  /** Name of a service that is just this, made when it is asked for. */
  named(wanted: string, settings: Settings): string {
    const key = JSON.stringify(["", "service", settings]);
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const made = this.#outline.add("services", wanted, settings);
    this.#made.set(key, made);
    return made;
  }

  tellUnused(): void {
    const used = new Set([...this.#used, ...[...this.#made.keys()].map((key) => firstOf(key))]);
    for (const [name, block] of this.#blocks) {
      if (!used.has(name)) {
        this.#outline.note("nothing that was carried over leads to this upstream", block);
      }
    }
  }
}

function firstOf(key: string): string {
  const parsed: unknown = JSON.parse(key);
  return Array.isArray(parsed) ? String(parsed[0]) : "";
}

interface Backend {
  readonly url: string;
  readonly weight?: number;
  readonly tier?: number;
}

interface Server {
  readonly backend: Backend;
  readonly passive: Settings;
  readonly maxConnections: number | undefined;
}

function settingsOf(block: Directive, scheme: string, outline: Outline): Settings {
  const inside = block.block ?? [];
  const servers = inside
    .filter(({ name }) => name === "server")
    .map((each) => serverOf(each, scheme, outline))
    .filter((each) => each !== undefined);
  if (servers.length === 0) {
    outline.note("this upstream has no server that can be used", block);
  }
  const pool: Record<string, unknown> = {};
  let balance: unknown = "round-robin";
  let sticky: unknown;
  for (const directive of inside) {
    const { name, args } = directive;
    const [first = ""] = args;
    if (name === "keepalive" && /^\d{1,6}$/.test(first)) {
      pool["maxIdle"] = Math.min(Number(first), 10_000);
    } else if (name === "keepalive_timeout") {
      const time = timeOf(first);
      if (time !== undefined) pool["idleTimeout"] = time;
    } else if (name === "sticky" && first === "cookie") {
      sticky = { cookie: args[1] ?? "route" };
      if (args.length > 2) {
        outline.note(`sticky ${args.slice(2).join(" ")}: is not carried over`, directive);
      }
    } else if (!silent.has(name)) {
      const found = policyOf(directive);
      if (found === undefined) {
        outline.note(`${name}: is not carried over; requests go round in turn`, directive);
      } else balance = found;
    }
  }
  const limits = servers
    .map(({ maxConnections }) => maxConnections ?? 0)
    .filter((each) => each > 0);
  if (limits.length > 0) {
    pool["maxConnections"] = limits.reduce((least, each) => Math.min(least, each));
  }
  const passive = Object.fromEntries(servers.flatMap((each) => Object.entries(each.passive)));
  const isUniform = servers.every((each) => isDeepStrictEqual(each.passive, servers[0]?.passive));
  const caps = new Set(servers.map(({ maxConnections }) => maxConnections));
  if (!isUniform || (limits.length > 0 && caps.size > 1)) {
    const text =
      "max_fails, fail_timeout and max_conns are the same for all servers of a service; the last of the first two counts, and the least max_conns";
    outline.note(text, block);
  }
  const backends = withoutTwins(servers);
  const own = withContainer(backends.map(({ url }) => url));
  return {
    ...containerKey(own?.container),
    backends: backends.map(({ url, ...more }, index) => {
      const written = own?.urls[index] ?? url;
      return Object.keys(more).length === 0 ? written : { url: written, ...more };
    }),
    balance,
    ...(sticky === undefined ? {} : { sticky }),
    ...(Object.keys(pool).length === 0 ? {} : { pool }),
    ...(Object.keys(passive).length === 0 ? {} : { passive }),
  };
}

const silent = new Set(["server", "zone", "keepalive_requests", "keepalive_time", "resolver"]);

function policyOf({ name, args }: Directive): unknown {
  const [first = ""] = args;
  if (name === "least_conn") return "least-connections";
  if (name === "least_time") return "least-time";
  if (name === "ip_hash") return { hash: "client-ip" };
  if (name === "random") return first === "two" ? "two-random" : "random";
  if (name !== "hash") return undefined;
  if (["$remote_addr", "$binary_remote_addr"].includes(first)) {
    return { hash: "client-ip" };
  }
  if (["$request_uri", "$uri"].includes(first)) return { hash: "path" };
  const [, kind = "", field = ""] = /^\$(cookie|http|arg)_(\w+)$/.exec(first) ?? [];
  if (kind === "cookie") return { hash: `cookie:${field}` };
  if (kind === "http") return { hash: `header:${field.replaceAll("_", "-")}` };
  return kind === "arg" ? { hash: `query:${field}` } : undefined;
}

/** One that stands there twice gets two shares. */
function withoutTwins(servers: readonly Server[]): Backend[] {
  const found = new Map<string, Backend>();
  for (const { backend } of servers) {
    const before = found.get(backend.url);
    const weight = (backend.weight ?? 1) + (before?.weight ?? 1);
    const merged = before === undefined ? backend : { ...before, weight: Math.min(weight, 1000) };
    found.set(backend.url, merged);
  }
  return [...found.values()];
}

const flagsRead = new Set(["down", "backup", "weight", "max_fails", "fail_timeout", "max_conns"]);

function serverOf(directive: Directive, scheme: string, outline: Outline): Server | undefined {
  const [address = "", ...flags] = directive.args;
  const url = backendUrl(address, scheme);
  if (url === undefined) {
    outline.note(`server ${shown(address)}: this address is not understood`, directive);
    return undefined;
  }
  const settings = new Map(
    flags.map((flag) => {
      const [key = "", value = ""] = flag.split(/=(.*)/s);
      return [key, value] as const;
    }),
  );
  if (settings.has("down")) {
    outline.note(`server ${address} is down, and is left out`, directive);
    return undefined;
  }
  const strange = [...settings.keys()].filter((key) => !flagsRead.has(key));
  if (strange.length > 0) {
    outline.note(`server ${address} ${strange.join(", ")}: is not carried over`, directive);
  }
  const number = (key: string) => {
    const text = settings.get(key) ?? "";
    return /^\d{1,6}$/.test(text) ? Number(text) : undefined;
  };
  const weight = number("weight");
  const more = {
    ...(weight === undefined || weight === 1 ? {} : { weight: Math.min(weight, 1000) }),
    ...(settings.has("backup") ? { tier: 1 } : {}),
  };
  const fails = number("max_fails");
  const dead = timeOf(settings.get("fail_timeout") ?? "");
  return {
    backend: { url, ...more },
    passive: {
      ...(fails === undefined ? {} : { connectFailures: fails, failures: fails }),
      ...(dead === undefined || dead === "0" ? {} : { deadFor: dead }),
    },
    maxConnections: number("max_conns"),
  };
}

/** HOST, HOST:PORT or unix:/PATH with a scheme in front; nginx's usual port is 80, of https 443. */
export function backendUrl(address: string, scheme: string): string | undefined {
  const socket = socketOf(address);
  if (socket !== undefined)
    return scheme === "http" ? `unix:${socket}` : `${scheme}://unix:${socket}`;
  if (!/^(\[[0-9a-f:.]+\]|[\w.-]+)(:\d{1,5})?$/i.test(address)) return undefined;
  const hasUsual = ["http", "https", "h2c", "grpcs"].includes(scheme);
  const needsPort = !hasOwnPort(address) && !hasUsual;
  // In an upstream even https has port 80; who writes it so means 443.
  return `${scheme}://${address}${needsPort ? ":80" : ""}`;
}
