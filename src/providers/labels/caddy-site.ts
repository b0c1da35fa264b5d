// The addresses of a site in a Caddyfile: hosts, with scheme and port, which are the listener's matter here.

import type { Note } from "../../config/finding.ts";
import type { Directive } from "./caddy-tree.ts";
import { fault, hint, shown, warning } from "./note.ts";
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
