// Where a server of nginx listens, and what it is called: hosts, wildcards and patterns of `server_name`.

import { isIPv6 } from "node:net";
import { parsePattern } from "../../config/pattern.ts";
import { normaliseHostPattern } from "../../lib/host.ts";
import type { Outline } from "../outline.ts";
import { shown } from "../outline.ts";
import type { Directive, Scope } from "./tree.ts";
import { patternOf } from "./values.ts";

export interface Listen {
  /** As our listeners say it. */
  readonly bind: string;
  readonly port: number;
  readonly isSecure: boolean;
  readonly isDefault: boolean;
  readonly isProxied: boolean;
  readonly isDatagram: boolean;
  /** HTTP/2 is spoken there, also in the clear. */
  readonly isTwo: boolean;
}

export function listensOf(scope: Scope, outline: Outline): Listen[] {
  const written = scope.own("listen");
  const isOn = scope.own("ssl").some(({ args }) => args[0] === "on");
  const isTwo = scope.one("http2")?.args[0] === "on";
  const found = written.flatMap((directive) => {
    const [address = "", ...flags] = directive.args;
    if (flags.includes("quic")) {
      outline.note("listen … quic: HTTP/3 is not there; clients come by TCP as well", directive);
      return [];
    }
    const at = addressOf(address);
    if (at === undefined) {
      outline.note(`listen ${shown(address)}: this address is not understood`, directive);
      return [];
    }
    return [
      {
        ...at,
        isSecure: isOn || flags.includes("ssl"),
        isDefault: flags.includes("default_server") || flags.includes("default"),
        isProxied: flags.includes("proxy_protocol"),
        isDatagram: flags.includes("udp"),
        isTwo: isTwo || flags.includes("http2"),
      },
    ];
  });
  if (written.length > 0) return found;
  const usual = { isSecure: isOn, isDefault: false, isProxied: false, isDatagram: false, isTwo };
  return [{ bind: ":80", port: 80, ...usual }];
}

function addressOf(text: string): Pick<Listen, "bind" | "port"> | undefined {
  if (/^unix:\/./.test(text)) return { bind: text, port: 0 };
  const [, host, digits = "80"] =
    /^(?:(\[[0-9a-f:.]+\]|\*|[^:\s]+?)(?::(\d{1,5}))?)$/i.exec(text) ?? [];
  if (/^\d{1,5}$/.test(text)) return portAt("", text);
  if (host === undefined) return undefined;
  // On Linux the socket for all addresses takes IPv4 as well.
  if (["*", "0.0.0.0", "[::]"].includes(host)) return portAt("", digits);
  if (host === "localhost") return portAt("127.0.0.1", digits);
  const isAddress = /^\d+\.\d+\.\d+\.\d+$/.test(host) || isIPv6(host.slice(1, -1));
  return isAddress ? portAt(host, digits) : undefined;
}

function portAt(host: string, digits: string) {
  const port = Number(digits);
  return port > 0 && port <= 65_535 ? { bind: `${host}:${port}`, port } : undefined;
}

export interface Names {
  /** As our `Host`: names, and `*.name`. */
  readonly hosts: readonly string[];
  /** As our `HostRegexp`. */
  readonly patterns: readonly string[];
}

export function namesOf(scope: Scope, outline: Outline): Names {
  const hosts: string[] = [];
  const patterns: string[] = [];
  for (const directive of scope.own("server_name")) {
    for (const name of directive.args) readName(name, directive, { hosts, patterns, outline });
  }
  return { hosts: [...new Set(hosts)], patterns };
}

interface Out {
  readonly hosts: string[];
  readonly patterns: string[];
  readonly outline: Outline;
}

function readName(name: string, directive: Directive, { hosts, patterns, outline }: Out): void {
  // The names of those that are not called by any.
  if (name === "" || name === "_" || name === "__" || name === "-") return;
  if (name.startsWith("~")) {
    const pattern = patternOf(name.slice(1), true);
    const parsed = parsePattern(pattern);
    if (parsed.kind === "pattern") patterns.push(pattern);
    else outline.note(`server_name ${shown(name)}: ${parsed.why}`, directive);
    return;
  }
  if (name.endsWith(".*") && /^[\w.-]+\.\*$/.test(name)) {
    patterns.push(`(?i)^${name.slice(0, -1).replaceAll(".", "\\.")}[^.]+(\\.[^.]+)*$`);
    return;
  }
  const both = name.startsWith(".") ? [name.slice(1), `*${name}`] : [name];
  for (const each of both) {
    const host = normaliseHostPattern(each);
    if (host === undefined || host === "*") {
      outline.note(`server_name ${shown(name)} is no host name, and is left out`, directive);
    } else hosts.push(host);
  }
}
