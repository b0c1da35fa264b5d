// config.js of vm-http-proxy: containers of LXC by the AAAA record of the requested host, with rewrites of the
// name that is looked up, and redirections. Its redirections all become one route for every host: those that
// do not match go on to the container.

import { isIP } from "node:net";
import { resolve } from "node:path";
import { certificateName } from "../importers/certificate-name.ts";
import { nearest } from "../lib/nearest.ts";
import { loadForeignModule } from "./foreign-module.ts";
import type { Foreign } from "./foreign-module.ts";
import { NotImported } from "./import.ts";
import type { Imported, Importer } from "./import.ts";

export const importVmHttpProxy: Importer = async (file) => {
  const config = await loadForeignModule(file);
  if (config.kind !== "mapping" || config.entries.length === 0) {
    throw new NotImported(`${file} exports no configuration: it should say module.exports = { … }`);
  }
  return convert(new Map(config.entries));
};

type Settings = ReadonlyMap<string, Foreign>;

function convert(settings: Settings): Imported {
  const notes: string[] = [];
  const address = addressOf(settings, notes);
  const rewrites = rewritesOf(settings.get("rewrites"), notes);
  const redirects = redirectsOf(settings.get("redirections"), notes);
  if (rewrites.length > 0 && redirects.length > 0) {
    notes.push(
      "redirections are compared with the host as it was asked for, before any rewrite of it",
    );
  }
  const nameInPathOf = secureHostOf(settings, notes);
  const root = textOf(settings.get("lxcRootFolder")) ?? "/var/lib/lxc";
  const byAddress = {
    ...(rewrites.length === 0 ? {} : { rewrites }),
    ...(nameInPathOf === undefined ? {} : { nameInPathOf }),
  };
  const forceHttps = flagOf(settings.get("forceHttps")) === true;
  const lxc = { paths: [root], byAddress: Object.keys(byAddress).length === 0 ? true : byAddress };
  const [first, ...more] = redirects;
  const everything = {
    host: "*",
    // As vm-http-proxy does it.
    ...(forceHttps ? { forceHttps: { status: 301 } } : {}),
    ...(first === undefined ? {} : { redirect: more.length === 0 ? first : redirects }),
    service: "by-address@lxc",
  };
  const needsRoute = forceHttps || first !== undefined;
  tellOthers(settings, notes);
  const isSecure = flagOf(settings.get("enableHttps")) === true;
  const tls = isSecure ? tlsOf(settings, notes) : undefined;
  const secure = isSecure ? { secure: { bind: `${address}:443`, tls: true } } : {};
  return {
    config: {
      listeners: { web: `${address}:80`, ...secure },
      ...(tls === undefined ? {} : { tls }),
      providers: { lxc },
      ...(needsRoute ? { routes: { everything } } : {}),
    },
    notes,
    later: [],
  };
}

/** "" = all. */
function addressOf(settings: Settings, notes: string[]): string {
  const address = textOf(settings.get("ipAddress")) ?? "";
  const kind = isIP(address);
  if (kind === 6 && address !== "::") return `[${address}]`;
  if (kind === 4 && address !== "0.0.0.0") return address;
  if (address !== "" && kind === 0) {
    notes.push(`ipAddress: ${JSON.stringify(address)} is not an IP address; it listens on all`);
  }
  return "";
}

function secureHostOf(settings: Settings, notes: string[]): string | undefined {
  const host = textOf(settings.get("sslHostname"));
  const isOff = flagOf(settings.get("disableSslProxy")) === true;
  if (isOff || flagOf(settings.get("enableHttps")) !== true) return undefined;
  if (host === undefined || host === "") {
    notes.push(
      "enableHttps without sslHostname: names in the path of every https request are not there; name the host whose path holds them in providers.lxc.byAddress.nameInPathOf",
    );
    return undefined;
  }
  return host;
}

type Rewrite = Readonly<Record<string, string>>;

function rewritesOf(found: Foreign | undefined, notes: string[]): Rewrite[] {
  return itemsOf(found, "rewrites", notes).flatMap((item, index): Rewrite[] => {
    const place = `rewrites[${index}]`;
    const fields = item.kind === "mapping" ? new Map(item.entries) : undefined;
    const from = fields?.get("from");
    const to = textOf(fields?.get("to"));
    if (from?.kind === "pattern" && to !== undefined) {
      const pattern = patternOf(from, place, notes);
      return pattern === undefined ? [] : [{ pattern, to }];
    }
    const name = textOf(from);
    if (name !== undefined && to !== undefined) return [{ from: name, to }];
    notes.push(`${place}: needs a text or a regular expression in from, and a text in to`);
    return [];
  });
}

interface Redirect {
  readonly pattern: string;
  readonly to: string;
  readonly status: number;
}

function redirectsOf(found: Foreign | undefined, notes: string[]): Redirect[] {
  return itemsOf(found, "redirections", notes).flatMap((item, index): Redirect[] => {
    const place = `redirections[${index}]`;
    const [what, target, options, processor] = partsOf(item);
    const pattern = urlPatternOf(what, place, notes);
    if (pattern === undefined) return [];
    const to = textOf(target) ?? "";
    if (processor?.kind === "function") {
      notes.push(
        `${place}: its function is not run; what it decided has to be said in the pattern`,
      );
    }
    if (to === "") {
      notes.push(
        `${place}: an empty target, which blocked requests, is left out; write a route with respond: { status: 403 } for ${pattern}`,
      );
      return [];
    }
    return [{ pattern, to, status: statusOf(options, place, notes) }];
  });
}

/** The short form, a list, or the long one. */
function partsOf(item: Foreign): readonly (Foreign | undefined)[] {
  if (item.kind === "list") return item.items;
  const fields = item.kind === "mapping" ? new Map(item.entries) : new Map<string, Foreign>();
  return ["pattern", "target", "options", "processor"].map((key) => fields.get(key));
}

function urlPatternOf(found: Foreign | undefined, place: string, notes: string[]) {
  if (found?.kind === "pattern") return patternOf(found, place, notes);
  const text = textOf(found);
  // A text is looked for as it is.
  if (text !== undefined && text !== "") return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  notes.push(`${place}: has no pattern`);
  return undefined;
}

const statuses = [301, 302, 303, 307, 308];

function statusOf(options: Foreign | undefined, place: string, notes: string[]): number {
  const fields = options?.kind === "mapping" ? new Map(options.entries) : undefined;
  const found = fields?.get("statusCode");
  if (found === undefined) return 302;
  const status = found.kind === "value" ? Number(found.value) : Number.NaN;
  if (statuses.includes(status)) return status;
  notes.push(`${place}: its statusCode is none of ${statuses.join(", ")}; 302 is used`);
  return 302;
}

/** As ours are written: flags in front. */
function patternOf(
  { source, flags }: { readonly source: string; readonly flags: string },
  place: string,
  notes: string[],
): string | undefined {
  if (/[uv]/.test(flags)) {
    notes.push(
      `${place}: regular expressions with the flag u or v are not there; write it without`,
    );
    return undefined;
  }
  if (flags.includes("g"))
    notes.push(`${place}: only the first match is replaced, not all (flag g)`);
  const kept = flags.replaceAll(/[^ims]/g, "");
  return kept === "" ? source : `(?${kept})${source}`;
}

function itemsOf(found: Foreign | undefined, name: string, notes: string[]): readonly Foreign[] {
  if (found === undefined || (found.kind === "value" && !found.value)) return [];
  if (found.kind === "list") return found.items;
  notes.push(`${name}: is no list, and is left out`);
  return [];
}

const known = [
  ...["ipAddress", "lxcRootFolder", "enableHttps", "forceHttps", "sslHostname", "disableSslProxy"],
  ...["certificateFilename", "certificateKeyFilename", "certificate", "certificateKey"],
  ...["vmPlugin", "minLogLevel", "rewrites", "redirections"],
];

function tellOthers(settings: Settings, notes: string[]): void {
  const plugin = settings.get("vmPlugin");
  if (plugin !== undefined && plugin.kind !== "module") {
    notes.push(
      "vmPlugin: a plugin of your own is not run; there are providers for docker, podman, lxc, incus, lxd and libvirt",
    );
  }
  if (settings.has("certificate") || settings.has("certificateKey")) {
    notes.push("certificate, certificateKey: write them into files, readable by root alone");
  }
  if (settings.has("minLogLevel")) {
    notes.push("minLogLevel: requests are in the access log (accessLog), the rest is always told");
  }
  for (const key of settings.keys()) {
    if (known.includes(key)) continue;
    const near = nearest(key, known);
    notes.push(`${key}: is not known${near === undefined ? "" : `; did you mean ${near}?`}`);
  }
}

/** One certificate, which is shown to everybody. */
function tlsOf(settings: Settings, notes: string[]): Readonly<Record<string, unknown>> | undefined {
  const cert = textOf(settings.get("certificateFilename"));
  const key = textOf(settings.get("certificateKeyFilename"));
  if (cert === undefined || key === undefined) {
    notes.push("enableHttps: name its certificate and key in tls.certificates, as files");
    return undefined;
  }
  const name = certificateName(cert);
  const usual = name === undefined ? {} : { default: name };
  return { certificates: { cert: resolve(cert), key: resolve(key) }, ...usual };
}

function textOf(found: Foreign | undefined): string | undefined {
  return found?.kind === "value" && typeof found.value === "string" ? found.value : undefined;
}

/** As JavaScript takes it. */
function flagOf(found: Foreign | undefined): boolean | undefined {
  return found?.kind === "value" ? Boolean(found.value) : undefined;
}
