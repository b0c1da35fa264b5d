// `tidegate import docker-proxy FILE`: its YAML, or a file with the variables of its environment (`NAME=VALUE`), under the
// names of both generations.

import { isIPv4 } from "node:net";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseEndpoint } from "../config/provider-endpoint.ts";
import { parseSource } from "../config/source.ts";
import { normaliseHostPattern } from "../lib/host.ts";
import type { Imported } from "./imported.ts";
import { NotImported } from "./imported.ts";
import { Outline, shown } from "./outline.ts";
import { readSourceFile } from "./source-file.ts";
import { entriesOf, textOf, valueOf } from "./traefik/flat.ts";

export function importDockerProxy(file: string): Imported {
  const text = readSourceFile(file);
  const outline = new Outline();
  const isEnvironment = /^\s*(export\s+)?[A-Z][A-Z0-9_]*=/m.test(text);
  const variables = isEnvironment ? variablesOf(text, { file, outline }) : new Map();
  addProgram(variables, outline);
  if (!isEnvironment) addYaml(text, file, outline);
  return outline.finish();
}

type Variables = ReadonlyMap<string, string>;

function variablesOf(
  text: string,
  { file, outline }: { readonly file: string; readonly outline: Outline },
): Variables {
  const found = new Map<string, string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const [, name, value = ""] = /^\s*(?:export\s+)?([A-Z][A-Z0-9_]*)=(.*)$/.exec(line) ?? [];
    if (name === undefined) {
      outline.note("this line is not NAME=VALUE", { file, line: index + 1 });
      continue;
    }
    const text = value.trim().replace(/^(["'])(.*)\1$/, "$2");
    found.set(name, text);
    const place = { file, line: index + 1 };
    if (!known.has(name)) outline.note(`${name}: is not carried over`, place);
    const [, form] = forms.find(([names]) => names.test(name)) ?? [];
    if (text !== "" && form?.test(text) === false) {
      outline.note(
        `${name}: ${shown(text)} is not understood, and the usual value is taken`,
        place,
      );
    }
  }
  return found;
}

/** What is made of the value of some of them. */
const forms: readonly (readonly [RegExp, RegExp])[] = [
  [/^(DOCKER_PROXY_|DOCKER_PROXY_API_)?PORT$/, /^\d{1,5}$/],
  [/^(DOCKER_PROXY_HOSTNAME|HOST|DOCKER_PROXY_API_(HOST|ADDRESS))$/, /^(localhost|[\d.]+)$/],
  [/^DOCKER_PROXY_WORKER_LIMIT$/, /^[1-9]\d{0,2}$/],
  [/^DOCKER_PROXY_PID_PATH$/, /^\/[\w./-]+$/],
];

const known = new Set([
  ...["DOCKER_PROXY_PORT", "PORT", "DOCKER_PROXY_HOSTNAME", "HOST", "DOCKER_PROXY_SILENT"],
  ...["DOCKER_PROXY_WORKER_SILENT", "DOCKER_PROXY_WORKER_LIMIT", "DOCKER_PROXY_PID_PATH"],
  ...["DOCKER_PROXY_DOCKER_DAEMON", "DOCKER_HOST", "DOCKER_SOCK_PATH", "DOCKER_PROXY_API_PORT"],
  ...["DOCKER_PROXY_API_HOST", "DOCKER_PROXY_API_ADDRESS", "DOCKER_HOSTNAME", "DOCKER_ADDRESS"],
  ...["DOCKER_PROXY_SSL_PATH", "DOCKER_PROXY_SSL_DIR"],
]);

function addProgram(variables: Variables, outline: Outline): void {
  const first = (...names: readonly string[]) =>
    names.map((name) => variables.get(name) ?? "").find((value) => value !== "");
  const port = portOf(first("DOCKER_PROXY_PORT", "PORT")) ?? 8080;
  const host = hostOf(first("DOCKER_PROXY_HOSTNAME", "HOST"));
  outline.add("listeners", "web", `${host}:${port}`);
  const daemon = endpointOf(
    first("DOCKER_PROXY_DOCKER_DAEMON", "DOCKER_HOST", "DOCKER_SOCK_PATH"),
    outline,
  );
  const address = first("DOCKER_HOSTNAME", "DOCKER_ADDRESS") ?? "";
  const isHost = !address.includes("*") && normaliseHostPattern(address) !== undefined;
  const published = isHost ? address : undefined;
  const docker = {
    ...(daemon === undefined ? {} : { endpoint: daemon }),
    ...(published === undefined ? {} : { publishedHost: published }),
  };
  outline.set("providers", { docker: Object.keys(docker).length === 0 ? true : docker });
  const apiPort = portOf(first("DOCKER_PROXY_API_PORT"));
  const apiHost = hostOf(first("DOCKER_PROXY_API_ADDRESS", "DOCKER_PROXY_API_HOST"));
  const isUsual = (apiPort === undefined || apiPort === 16_000) && apiHost === "";
  const api = isUsual ? true : `${apiHost || "127.0.0.1"}:${apiPort ?? 16_000}`;
  outline.set("compat", { dockerProxyApi: api });
  const workers = first("DOCKER_PROXY_WORKER_LIMIT") ?? "";
  if (/^[1-9]\d{0,2}$/.test(workers)) outline.set("workers", Number(workers));
  const silent = first("DOCKER_PROXY_SILENT", "DOCKER_PROXY_WORKER_SILENT") ?? "";
  if (/^(1|true|yes)$/i.test(silent)) outline.set("accessLog", false);
  const pid = first("DOCKER_PROXY_PID_PATH");
  if (pid !== undefined && /^\/[\w./-]+$/.test(pid)) outline.set("pidFile", pid);
  const certificates = first("DOCKER_PROXY_SSL_DIR", "DOCKER_PROXY_SSL_PATH");
  if (certificates === undefined) return;
  outline.add("listeners", "secure", { bind: `${host}:8443`, tls: true });
  const folder = resolve(certificates);
  // Its own names for the pair are nobody else's.
  const [cert, key] = ["dev-cert.pem", "dev-key.pem"].map((each) => join(folder, each));
  const isOwn = cert !== undefined && key !== undefined && existsSync(key);
  outline.set("tls", { certificates: isOwn ? [folder, { cert, key }] : folder });
  const text = "they are shown by the names in them, at port 8443, as without --ssl-port";
  outline.note(`certificates in ${shown(certificates)}: ${text}`);
}

function portOf(text: string | undefined): number | undefined {
  const port = /^\d{1,5}$/.test(text ?? "") ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}

/** "" = all addresses. */
function hostOf(text: string | undefined): string {
  if (text === "localhost") return "127.0.0.1";
  return text !== undefined && isIPv4(text) && text !== "0.0.0.0" ? text : "";
}

function endpointOf(text: string | undefined, outline: Outline): string | undefined {
  if (text === undefined) return undefined;
  const written = text.startsWith("/") ? `unix://${text}` : text.replace(/^https?:\/\//, "tcp://");
  const refuse = () => undefined;
  if (parseEndpoint(written, refuse) !== undefined) return written;
  outline.note(`${shown(text)} is no address of Docker Engine; the usual one is asked`);
  return undefined;
}

function addYaml(text: string, file: string, outline: Outline): void {
  const source = parseSource(text, file);
  const [problem] = source.problems;
  if (problem !== undefined && source.value === undefined) {
    throw new NotImported(`${file}:${problem.line}: ${problem.message}`);
  }
  const sections = entriesOf(source.value);
  const names = ["service", "routes", "images", "containers"];
  if (!sections.some(([key]) => names.includes(key))) {
    throw new NotImported(`${file} has none of ${names.join(", ")}: is it Docker Proxy's?`);
  }
  const note = (path: readonly string[], message: string) =>
    outline.note(message, { file, line: source.keyAt(path).line });
  for (const [key] of sections) if (!names.includes(key)) note([key], `${key}: is not known`);
  for (const [host, target] of entriesOf(source.value, "routes")) {
    const url = textOf(target) ?? "";
    const written = /^[\w.-]+:\d+$/.test(url) ? `http://${url}` : url;
    if (/^[\w*.-]+$/.test(host) && /^https?:\/\/[\w.-]+(:\d+)?$/.test(written)) {
      outline.add("routes", host, { host, service: written });
    } else note(["routes", host], `the route ${shown(host)} is not understood`);
  }
  for (const key of ["images", "containers"]) {
    if (entriesOf(source.value, key).length === 0) continue;
    note([key], `${key}: containers are found by themselves; say tidegate.* as their labels`);
  }
  const proxy = valueOf(valueOf(valueOf(source.value, "service"), "proxy"), "options");
  if (entriesOf(proxy).length > 0) {
    const message = "service.proxy.options: connections are kept anyway; see pool of a service";
    note(["service", "proxy", "options"], message);
  }
}
