// The addresses of a site in a Caddyfile: hosts, with scheme and port, which are the listener's matter here.

import type { Note } from "../../config/finding.ts";
import type { Directive } from "./caddy-tree.ts";
import { fault, hint, shown, warning } from "./note.ts";
import { hostsOf } from "../../config/rule-hosts.ts";
import { parseRule } from "../../config/rule.ts";
import type { RouteTls } from "../../config/acme-settings.ts";
import { both, call, either } from "./rule-text.ts";

export interface Site {
  readonly name: string;
  readonly rule: string;
  /** For http:// alone. */
  readonly isPlain: boolean;
}

/** None for a snippet, or for global options; one for all its addresses. */
export function readSites(site: Directive, notes: Note[]): Site[] {
  const addresses = site.args.flatMap((each) => each.split(",")).filter((each) => each !== "");
  const [first] = addresses;
  if (first === undefined) {
    const message = "has no address: these are options of Caddy itself, which change nothing";
    notes.push(hint(site.label, message, `write ${site.name}=HOST for a site`));
    return [];
  }
  if (first.startsWith("(")) {
    notes.push(hint(site.label, "is a snippet, which changes nothing"));
    return [];
  }
  const rules: string[] = [];
  for (const address of addresses) {
    const [, host, port, path] = /^(?:https?:\/\/)?([^:/]*)(:\d{1,5})?(\/.*)?$/.exec(address) ?? [];
    if (host === undefined) {
      notes.push(fault(site.label, `${shown(address)} is not an address`, "write a host name"));
      return [];
    }
    if (host === "" || host === "*") {
      notes.push(
        warning(site.label, `${shown(address)} names no host, so it asks for all of them`),
      );
    } else if (port !== undefined && port !== ":80" && port !== ":443") {
      notes.push(hint(site.label, `the port ${port.slice(1)} is the listener's matter`));
    }
    const prefix = path?.replace(/\*$/, "");
    const ofPath =
      prefix === undefined || prefix === "/"
        ? undefined
        : call(path === prefix ? "Path" : "PathPrefix", prefix);
    rules.push(both(call("Host", host === "" ? "*" : host), ofPath));
  }
  const isPlain = addresses.every((each) => each.startsWith("http://"));
  const name = first.replace(/^https?:\/\//, "").replace(/:\d+$/, "") || "all";
  return [{ name, rule: either(rules), isPlain }];
}

/** Names that no authority of the world certifies. */
const privateName = /(^|\.)(localhost|local|internal|home\.arpa)$|^[\d.]+$|^\[/;

/** As Caddy has it: every site with a name gets one, unless `tls` says where its certificate is. */
export function certificateOf({ below }: Directive, rule: string): RouteTls | undefined {
  const parsed = parseRule(rule);
  const hosts = parsed.kind === "rule" ? hostsOf(parsed.rule) : undefined;
  if (hosts === undefined || hosts.includes("*")) return undefined;
  const said = below.find(({ name }) => name === "tls");
  const issuer = said?.below.find(({ name }) => name === "issuer")?.args[0];
  if (said?.args[0] === "internal" || issuer === "internal") return "internal";
  // A certificate and its key, which are in the container or nowhere.
  if ((said?.args.length ?? 0) > 1) return undefined;
  return hosts.every((each) => privateName.test(each)) ? "internal" : "auto";
}
