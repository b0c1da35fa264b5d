// proxy-etc: `routes.json`, which it writes at each change, or its `config.js`, which is run to be read and has
// `routes.json` beside it. A source is a host, a host with the first segment of a path, such a segment alone, or a port.

import { existsSync } from "node:fs";
import { isIPv6 } from "node:net";
import { basename, dirname, join, resolve } from "node:path";
import { normaliseHostPattern } from "../lib/host.ts";
import { claimsOf } from "../config/proxy-etc-source.ts";
import { certificateName } from "../importers/certificate-name.ts";
import { Outline, shown } from "../importers/outline.ts";
import type { Settings } from "../importers/outline.ts";
import { readSourceFile } from "../importers/source-file.ts";
import { loadForeignModule } from "./foreign-module.ts";
import type { Foreign } from "./foreign-module.ts";
import { NotImported } from "./import.ts";
import type { Imported, Importer } from "./import.ts";

export const importProxyEtc: Importer = async (file) => {
  if (!/\.c?js$/.test(file)) return importRoutesOfProxyEtc(file);
  const outline = new Outline();
  const program = programOf(await loadForeignModule(file), outline);
  const routes = join(dirname(file), "routes.json");
  return importRoutes(existsSync(routes) ? routes : undefined, program, outline);
};

export function importRoutesOfProxyEtc(file: string): Imported {
  return importRoutes(file, usual, new Outline());
}

function importRoutes(file: string | undefined, program: Program, outline: Outline): Imported {
  outline.add("listeners", "web", program.bind);
  if (file !== undefined) addRoutes(file, program, outline);
  else outline.note("routes.json is not beside it; without it there are no routes");
  if (outline.size("routes") === 0) {
    const respond = { status: 404, body: "There is nothing here.\n" };
    outline.add("routes", "nothing", { host: "*", respond });
    outline.note("it has no route, so that everything is answered with 404");
  }
  return outline.finish();
}

interface Program {
  readonly bind: string;
  /** Address of the ports that routes ask for; "" = all. */
  readonly host: string;
  /** Of every service. */
  readonly pool: Settings;
}

const usual: Program = { bind: ":80", host: "", pool: {} };

type Values = ReadonlyMap<string, Foreign>;

function programOf(config: Foreign, outline: Outline): Program {
  const values = valuesOf(config);
  const http = valuesOf(values.get("http"));
  const app = valuesOf(values.get("app"));
  const monitor = valuesOf(values.get("memoryMonitor"));
  const workers: Record<string, unknown> = {};
  const count = numberOf(values.get("workers"));
  if (count !== undefined && count >= 1) workers["count"] = count;
  const limit = numberOf(monitor.get("memoryLimit"));
  if (limit !== undefined) workers["memoryLimit"] = `${limit}MiB`;
  for (const key of ["gracefulWait", "checkInterval"]) {
    const seconds = numberOf(monitor.get(key));
    if (seconds !== undefined && seconds > 0) workers[key] = `${seconds}s`;
  }
  if (Object.keys(workers).length > 0) outline.set("workers", workers);
  const https = valuesOf(values.get("https"));
  if (https.size > 0) addSecure(https, outline);
  tellOthers(values, outline);
  const sockets = numberOf(values.get("maxSockets"));
  const keepsAlive = values.get("httpKeepAlive");
  const pool = {
    ...(sockets === undefined || sockets < 1 ? {} : { maxConnections: sockets }),
    ...(keepsAlive?.kind === "value" && keepsAlive.value === false ? { maxIdle: 0 } : {}),
  };
  return {
    bind: `${addressOf(http.get("hostname"))}:${numberOf(http.get("port")) ?? 80}`,
    host: addressOf(app.get("hostname")),
    pool: Object.keys(pool).length === 0 ? {} : { pool },
  };
}

/** One certificate, which is shown to everybody. */
function addSecure(https: Values, outline: Outline): void {
  const bind = `${addressOf(https.get("hostname"))}:${numberOf(https.get("port")) ?? 443}`;
  outline.add("listeners", "secure", { bind, tls: true });
  const cert = textOf(https.get("certPath")) ?? "";
  const key = textOf(https.get("keyPath")) ?? "";
  if (cert === "" || key === "") {
    outline.note("https: name its certificate and key in tls.certificates");
    return;
  }
  const name = certificateName(cert);
  const usual = name === undefined ? {} : { default: name };
  outline.set("tls", { certificates: { cert: resolve(cert), key: resolve(key) }, ...usual });
}

function tellOthers(values: Values, outline: Outline): void {
  const said = new Map([
    [
      "dbPath",
      "dbPath: its data base is not read; routes.json has all routes, and checks are said by check of a service",
    ],
    [
      "credentials",
      "credentials: users are made anew; a password that stood in a file is no secret",
    ],
    ["mail", "mail: say who is told in alerts"],
  ]);
  const known = ["http", "https", "app", "workers", "memoryMonitor", "maxSockets", "httpKeepAlive"];
  for (const key of values.keys()) {
    const text = said.get(key);
    if (text !== undefined) outline.note(text);
    else if (![...known, "tcpTimeout"].includes(key)) outline.note(`${key}: is not known`);
  }
}

/** "" = all addresses. */
function addressOf(found: Foreign | undefined): string {
  const text = textOf(found) ?? "";
  if (text === "localhost") return "127.0.0.1";
  if (isIPv6(text) && text !== "::") return `[${text}]`;
  return /^\d+\.\d+\.\d+\.\d+$/.test(text) && text !== "0.0.0.0" ? text : "";
}

function addRoutes(file: string, program: Program, outline: Outline): void {
  const entries = routesOf(file);
  for (const [key, route] of entries) {
    const source = textField(route, "source") ?? key;
    const service = serviceOf(route, source, { program, outline });
    if (service === undefined) continue;
    const claims = claimsOf(source);
    if (claims.length === 0) outline.note(`${shown(source)}: is no source that is understood`);
    for (const { name, claim } of claims) {
      outline.add("routes", name, { ...claim, service });
    }
    if (/^\d+$/.test(source)) addPort(source, program, outline);
  }
}

function addPort(source: string, program: Program, outline: Outline): void {
  const bind = `${program.host}:${source}`;
  const isThere = program.bind.endsWith(`:${source}`) || Number(source) > 65_535;
  if (!isThere) outline.add("listeners", `port-${source}`, bind);
}

function routesOf(file: string): (readonly [string, unknown])[] {
  let read: unknown;
  try {
    read = JSON.parse(readSourceFile(file));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new NotImported(`${file}: not valid JSON: ${error.message.split("\n", 1)[0] ?? ""}`);
  }
  if (Array.isArray(read)) return read.map((each) => ["", each] as const);
  if (typeof read === "object" && read !== null) return Object.entries(read);
  const name = basename(file);
  throw new NotImported(`${file}: ${name} of proxy-etc has { "SOURCE": { "targets": [ … ] } }`);
}

function serviceOf(
  route: unknown,
  source: string,
  { program, outline }: { program: Program; outline: Outline },
): string | undefined {
  const targets = fieldOf(route, "targets");
  const backends = (Array.isArray(targets) ? targets : []).flatMap((target: unknown) => {
    const host = textField(target, "host") ?? "";
    const port = Number(textField(target, "port") ?? Number.NaN);
    const name = isIPv6(host) ? `[${host}]` : host;
    const isHost = normaliseHostPattern(name) !== undefined && !name.includes("*");
    if (isHost && Number.isInteger(port) && port >= 1 && port <= 65_535) {
      return [`http://${name}:${port}`];
    }
    outline.note(`${shown(source)}: a target has no host or no port, and is left out`);
    return [];
  });
  if (backends.length === 0) {
    outline.note(`${shown(source)}: has no target, and is left out`);
    return undefined;
  }
  const isSticky = textField(route, "sessionType") === "Sticky" && backends.length > 1;
  return outline.add("services", source.replaceAll("/", "-").replace(/^-/, ""), {
    backends: [...new Set(backends)],
    balance: "round-robin",
    ...(isSticky ? { sticky: { legacy: "SERVERID" } } : {}),
    ...program.pool,
  });
}

function fieldOf(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return Reflect.get(value, key);
}

function textField(value: unknown, key: string): string | undefined {
  const found = fieldOf(value, key);
  return typeof found === "string" || typeof found === "number" ? String(found) : undefined;
}

function valuesOf(found: Foreign | undefined): Values {
  return found?.kind === "mapping" ? new Map(found.entries) : new Map();
}

function textOf(found: Foreign | undefined): string | undefined {
  return found?.kind === "value" && typeof found.value === "string" ? found.value : undefined;
}

function numberOf(found: Foreign | undefined): number | undefined {
  const value = found?.kind === "value" ? Number(found.value) : Number.NaN;
  return Number.isSafeInteger(value) && value >= 0 && value < 1_000_000 ? value : undefined;
}
