// A service in labels of Traefik: always the container itself, so all that matters is the port, and how it is
// balanced and checked. What would lead elsewhere is refused.

import { plainService } from "./default-host.ts";
import { hint, shown, warning } from "./note.ts";
import { close, durationOf } from "./traefik-draft.ts";
import type { Draft } from "./traefik-draft.ts";
import { readFlag } from "./traefik-labels.ts";
import type { LabelValue, Section } from "./traefik-labels.ts";
import type { WishedService } from "./wish.ts";

/** All but its name, and what middlewares add. */
export type ServiceParts = Pick<WishedService, "port" | "scheme" | "weight"> & {
  readonly settings: ReadonlyMap<string, unknown>;
};

/** Closes the draft where the service cannot be what it should. */
export function readService(section: Section, draft: Draft): ServiceParts {
  const reader = new Reader(section, draft);
  const server = {
    port: reader.port("loadbalancer.server.port"),
    scheme: schemeOf(reader, draft),
    weight: reader.whole("loadbalancer.server.weight", 1000) ?? plainService.weight,
  };
  passHost(reader);
  sticky(reader);
  check(reader);
  passive(reader);
  strategy(reader);
  reader.take("middlewares");
  reader.finish();
  return { ...server, settings: reader.settings };
}

/** Takes labels one by one; what is left at the end is not understood. */
export class Reader {
  readonly settings = new Map<string, unknown>();
  readonly draft: Draft;
  readonly #left: Map<string, LabelValue>;

  constructor(section: Section, draft: Draft) {
    this.draft = draft;
    this.#left = new Map(section.values);
  }

  take(key: string): LabelValue | undefined {
    const found = this.#left.get(key);
    this.#left.delete(key);
    return found;
  }

  /** All that begin so, by what follows. */
  takeAll(prefix: string): (readonly [key: string, found: LabelValue])[] {
    return [...this.#left.keys()].flatMap((key) => {
      const found = key.startsWith(prefix) ? this.take(key) : undefined;
      return found === undefined ? [] : [[key.slice(prefix.length), found] as const];
    });
  }

  flag(key: string): boolean | undefined {
    const found = this.take(key);
    return found === undefined ? undefined : readFlag(found.value);
  }

  whole(key: string, most: number): number | undefined {
    const found = this.take(key);
    if (found === undefined) return undefined;
    const value = /^\d{1,9}$/.test(found.value.trim()) ? Number(found.value) : Number.NaN;
    if (value <= most) return value;
    const message = `${shown(found.value)} is no whole number from 0 to ${most}, and is not used`;
    this.draft.notes.push(warning(found.label, message));
    return undefined;
  }

  /** Another port than the one that is meant could be anything. */
  port(key: string): number | undefined {
    const found = this.take(key);
    if (found === undefined) return undefined;
    const value = Number(found.value.trim());
    if (/^\d{1,5}$/.test(found.value.trim()) && value >= 1 && value <= 65_535) return value;
    close(
      this.draft,
      found.label,
      `${shown(found.value)} is no port`,
      "write a number such as 8080",
    );
    return undefined;
  }

  put(key: string, value: unknown, label: string): void {
    this.settings.set(key, value);
    this.draft.labels.set(`service.${key}`, label);
  }

  finish(): void {
    for (const [key, { label }] of this.#left) {
      const [kind = ""] = key.split(".");
      if (/^(weighted|mirroring|failover|highestrandomweight)$/.test(kind)) {
        const remedy = "say it in the configuration file, whose services can lead to NAME@PROVIDER";
        close(this.draft, label, `a container leads to itself alone, and not by ${kind}`, remedy);
      } else if (/^loadbalancer\.(server\.url|server\.address|servers)/.test(key)) {
        const remedy = "leave it out; server.port is the port of this container";
        close(this.draft, label, "a label may not lead to anybody else", remedy);
      } else if (/^loadbalancer\.serverstransport(\.|$)/.test(key)) {
        const remedy = "TLS to the container is verified; tidegate.service.tls.* says it otherwise";
        this.draft.notes.push(warning(label, "transports of Traefik are not read", remedy));
      } else if (
        !/^loadbalancer\.(responseforwarding|terminationdelay|server\.preservepath)/.test(key)
      ) {
        this.draft.notes.push(
          warning(label, "this setting of a service is not known, and does nothing"),
        );
      }
    }
  }
}

function schemeOf(reader: Reader, draft: Draft): "http" | "https" | "h2c" {
  const found = reader.take("loadbalancer.server.scheme");
  const scheme = found?.value.trim().toLowerCase() ?? "http";
  if (scheme === "http" || scheme === "https" || scheme === "h2c") return scheme;
  close(draft, found?.label ?? "", `${shown(scheme)} is no scheme`, "write http, https or h2c");
  return "http";
}

function passHost(reader: Reader): void {
  const found = reader.take("loadbalancer.passhostheader");
  if (found !== undefined && readFlag(found.value) === false)
    reader.put("host", "backend", found.label);
}

function sticky(reader: Reader): void {
  const keys = new Map(reader.takeAll("loadbalancer.sticky.cookie."));
  const alone = reader.take("loadbalancer.sticky.cookie") ?? reader.take("loadbalancer.sticky");
  const [first = alone] = keys.values();
  if (first === undefined || (keys.size === 0 && readFlag(first.value) === false)) return;
  const text = (key: string) => keys.get(key)?.value.trim();
  const seconds = text("maxage");
  const said = [
    ["cookie", text("name")],
    ["path", text("path")],
    ["domain", text("domain")],
    ["sameSite", text("samesite")?.toLowerCase()],
    ["httpOnly", text("httponly")],
    ["secure", readFlag(text("secure") ?? "") === true ? "always" : undefined],
    // Below 0 it would be deleted at once.
    ["maxAge", seconds === undefined || seconds.startsWith("-") ? undefined : durationOf(seconds)],
  ].filter(([, value]) => value !== undefined);
  reader.put("sticky", said.length === 0 ? true : Object.fromEntries(said), first.label);
}

function check(reader: Reader): void {
  const prefix = "loadbalancer.healthcheck.";
  const headers = reader.takeAll(`${prefix}headers.`);
  const said = new Map(reader.takeAll(prefix));
  const text = (key: string) => said.get(key)?.value.trim();
  const path = text("path");
  const isGrpc = text("mode")?.toLowerCase() === "grpc";
  const label = said.get("path")?.label ?? said.get("mode")?.label;
  if (label === undefined || (path === undefined && !isGrpc)) return;
  const duration = (name: string, key: string) => {
    const value = text(key);
    return value === undefined ? {} : { [name]: durationOf(value) };
  };
  const plain = (name: string, key: string) => {
    const value = text(key);
    return value === undefined ? {} : { [name]: value };
  };
  const status = text("status");
  const ofHttp = {
    http: path,
    ...plain("method", "method"),
    ...plain("host", "hostname"),
    ...(status === undefined ? {} : { statuses: [status] }),
    ...(headers.length === 0
      ? {}
      : { headers: Object.fromEntries(headers.map(([name, { value }]) => [name, value])) }),
  };
  const times = { ...duration("interval", "interval"), ...duration("timeout", "timeout") };
  const settings = {
    ...times,
    ...duration("fastInterval", "unhealthyinterval"),
    ...plain("port", "port"),
  };
  reader.put("check", { ...(isGrpc ? { grpc: true } : ofHttp), ...settings }, label);
}

function passive(reader: Reader): void {
  const most = reader.take("loadbalancer.passivehealthcheck.maxfailedattempts");
  const window = reader.take("loadbalancer.passivehealthcheck.failurewindow");
  const label = most?.label ?? window?.label;
  if (label === undefined) return;
  const settings = {
    ...(most === undefined ? {} : { failures: most.value.trim() }),
    ...(window === undefined ? {} : { deadFor: durationOf(window.value) }),
  };
  reader.put("passive", settings, label);
}

const strategies: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ["wrr", "round-robin"],
  ["p2c", "two-random"],
  ["hrw", { hash: "client-ip" }],
  ["leasttime", "least-time"],
]);

function strategy(reader: Reader): void {
  const found = reader.take("loadbalancer.strategy");
  if (found === undefined) return;
  const policy = strategies.get(found.value.trim().toLowerCase());
  if (policy !== undefined) reader.put("balance", policy, found.label);
  else
    reader.draft.notes.push(
      hint(found.label, `there is no strategy ${shown(found.value)}; the usual one is used`),
    );
}
