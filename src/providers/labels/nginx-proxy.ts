// The environment that containers behind nginx-proxy have: VIRTUAL_HOST and its relatives. Several containers
// with one host and path are balanced, so a service is named for its host and path, not for a container.

import type { Note } from "../../config/finding.ts";
import { parseFlowYaml } from "../../config/flow-yaml.ts";
import { labelBounds } from "../../config/provider-limits.ts";
import type { Workload } from "../workload.ts";
import { normaliseHostPattern } from "../../lib/host.ts";
import { closed } from "./closed.ts";
import { fault, hint, shown, warning } from "./note.ts";
import { readLocation } from "./nginx-location.ts";
import { readNginxSettings } from "./nginx-settings.ts";
import type { NginxSettings } from "./nginx-settings.ts";
import { standIn } from "./own-place.ts";
import type { Wish, WishedService, WishReader } from "./wish.ts";

/** One host and path, as one of the variables says it. */
interface Place {
  readonly about: string;
  readonly host: string;
  readonly path: string;
  readonly port: string;
  readonly destination: string;
  readonly protocol: string;
  /** Folder of the scripts in the container, for FastCGI. */
  readonly root: string;
}

export const nginxProxyWishes: WishReader = (workload) => {
  const notes: Note[] = [];
  const read = (name: string) => variable(workload, name, notes);
  const multiple = read("VIRTUAL_HOST_MULTIPORTS");
  const single = read("VIRTUAL_HOST");
  if (multiple === "" && single === "") return { wishes: [], notes, isRefused: false };
  const usual = {
    port: read("VIRTUAL_PORT"),
    protocol: read("VIRTUAL_PROTO") || "http",
    destination: read("VIRTUAL_DEST"),
    root: read("VIRTUAL_ROOT") || usualRoot,
    path: read("VIRTUAL_PATH") || "/",
  };
  if (multiple !== "" && single !== "") {
    notes.push(hint("VIRTUAL_HOST", "is not used beside VIRTUAL_HOST_MULTIPORTS"));
  }
  const places =
    multiple === ""
      ? listOf(single).map((host) => ({ about: "VIRTUAL_HOST", host, ...usual }))
      : placesOf(multiple, usual, notes);
  const settings = readNginxSettings(workload, read, notes);
  return {
    wishes: places.flatMap((place) =>
      wishesOf(
        workload,
        { ...place, certificate: certificateFor(place.host, read) },
        settings,
        notes,
      ),
    ),
    notes,
    isRefused: false,
  };
};

/** The variable that asks for one for this host; undefined = none does. */
function certificateFor(host: string, read: (name: string) => string): string | undefined {
  // For a pattern nobody signs.
  const wanted = normaliseHostPattern(host);
  return ["LETSENCRYPT_HOST", "ACME_HOST"].find((name) =>
    listOf(read(name)).some((each) => each.toLowerCase() === wanted),
  );
}

function variable({ env }: Workload, name: string, notes: Note[]): string {
  const value = Object.hasOwn(env, name) ? (env[name] ?? "").trim() : "";
  if (value.length <= labelBounds.text) return value;
  notes.push(fault(name, `is longer than ${labelBounds.text} characters`));
  return "";
}

function listOf(text: string): string[] {
  const all = text.split(",").map((each) => each.trim());
  return [...new Set(all.filter((each) => each !== ""))];
}

/** `HOST: PATH: { port, dest, proto }`, where a host may have nothing below it. */
function placesOf(text: string, usual: Pick<Place, "protocol" | "root">, notes: Note[]): Place[] {
  const about = "VIRTUAL_HOST_MULTIPORTS";
  const refuse = (message: string): Place[] => {
    notes.push(fault(about, message, "write HOST: { /path: { port: 8080, dest: / } }"));
    return [];
  };
  const read = parseFlowYaml(text);
  if (read.kind === "bad") return refuse(`is neither YAML nor JSON: ${read.why}`);
  const hosts = mappingOf(read.value);
  if (hosts === undefined) return refuse("is not a mapping of host to paths");
  return hosts.flatMap(([host, below]) => {
    const paths = below === null ? [["/", null] as const] : mappingOf(below);
    if (paths === undefined) return refuse(`${shown(host)} is not a mapping of path to port`);
    return (paths.length === 0 ? [["/", null] as const] : paths).flatMap(([path, value]) => {
      const keys = value === null ? [] : mappingOf(value);
      if (keys === undefined) return refuse(`${shown(host + path)} is not { port, dest }`);
      const said = new Map(keys);
      for (const key of said.keys()) {
        if (["port", "dest", "proto"].includes(key)) continue;
        notes.push(warning(about, `${shown(key)} of ${shown(host + path)} is not understood`));
      }
      const text = (key: string) => textOf(said.get(key));
      const own = { port: text("port"), destination: text("dest"), protocol: text("proto") };
      const protocol = own.protocol || usual.protocol;
      return [{ about, host, path, ...own, protocol, root: usual.root }];
    });
  });
}

function mappingOf(value: unknown): [string, unknown][] | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return Object.entries(value).slice(0, labelBounds.values);
}

function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value).trim() : "";
}

const secureProtocols: Readonly<Record<string, WishedService["scheme"]>> = {
  http: "http",
  https: "https",
  grpc: "h2c",
  grpcs: "grpcs",
  fastcgi: "fastcgi",
  uwsgi: "uwsgi",
};

/** As nginx-proxy has it. */
const usualRoot = "/var/www/public";

function wishesOf(
  workload: Workload,
  place: Place & { readonly certificate: string | undefined },
  settings: NginxSettings,
  notes: Note[],
): Wish[] {
  const { about, host, path, destination, certificate } = place;
  const read = readLocation(host, path, destination);
  if (read.kind === "bad") {
    notes.push(fault(about === "VIRTUAL_HOST" ? "VIRTUAL_PATH" : about, read.why));
    return [];
  }
  const { location } = read;
  const name = path === "/" ? host : `${host}${path}`;
  const labels = new Map([
    ["route", about],
    ["route.rule", about],
    ["route.replacePath", "VIRTUAL_DEST"],
    ["route.clientIp", "NETWORK_ACCESS"],
    ["route.tls", certificate ?? ""],
    ["service.fastcgi.root", "VIRTUAL_ROOT"],
    ...settings.labels,
  ]);
  const wish = { dialect: "nginx-proxy", kind: "http", labels } as const;
  const protocol = place.protocol.toLowerCase();
  const scheme = Object.hasOwn(secureProtocols, protocol) ? secureProtocols[protocol] : undefined;
  const port = portOf(workload, place, scheme, notes);
  const shut =
    settings.closedBecause ??
    (scheme === undefined
      ? `backends are not spoken to with ${protocol.slice(0, 20)} yet`
      : undefined);
  if (scheme === undefined) {
    const message = `${shown(protocol)} is not spoken to backends yet, so the route is closed`;
    notes.push(
      fault("VIRTUAL_PROTO", message, "let it speak http, https, grpc, grpcs, fastcgi or uwsgi"),
    );
  }
  const rule = [location.rule, settings.condition].filter((each) => each !== undefined);
  const tls = certificate === undefined ? {} : { tls: "auto" };
  const route = { rule: rule.join(" && "), ...settings.route, ...tls };
  if (shut !== undefined) {
    return [{ ...wish, name, route: { ...route, ...closed(shut) }, service: undefined }];
  }
  if (scheme === undefined || port === "bad") return [];
  const service: WishedService = {
    name,
    settings: { ...settings.service, ...programOf(scheme, place.root) },
    port,
    scheme,
    basePath: "",
    weight: 1,
    tier: 0,
    onDemand: undefined,
    network: undefined,
  };
  return [{ ...wish, name, route: { ...route, ...location.rewrite }, service }];
}

/** All requests go to it; scripts are in its own folder. */
function programOf(
  scheme: WishedService["scheme"],
  root: string,
): Readonly<Record<string, unknown>> {
  const backends = standIn;
  if (scheme === "fastcgi") return { fastcgi: { backends, root } };
  return scheme === "uwsgi" ? { uwsgi: { backends } } : {};
}

/** As nginx-proxy has it: what is said, else the only one that it exposes, else the usual one. */
function portOf(
  { exposed }: Workload,
  { about, port }: Place,
  scheme: WishedService["scheme"] | undefined,
  notes: Note[],
): number | "bad" {
  if (port !== "") {
    if (/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535) return Number(port);
    const label = about === "VIRTUAL_HOST" ? "VIRTUAL_PORT" : about;
    notes.push(fault(label, `${shown(port)} is not a port`, "write a number from 1 to 65535"));
    return "bad";
  }
  const ports = [
    ...new Set(exposed.filter((each) => each.protocol === "tcp").map((each) => each.port)),
  ];
  const [only] = ports;
  return only !== undefined && ports.length === 1 ? only : scheme === "https" ? 443 : 80;
}
