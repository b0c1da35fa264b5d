// `tls { client_auth { … } }` of a Caddyfile. It is a lock: what is not understood keeps everybody out.

import type { Directive } from "../../providers/labels/caddy-tree.ts";
import type { Settings } from "../outline.ts";
import { absolute } from "./files.ts";

export type ClientAuth =
  /** As `clientAuth` says it. */
  | { readonly kind: "asked"; readonly settings: Settings }
  | { readonly kind: "unknown"; readonly why: string };

export function clientAuthOf({ below }: Directive): ClientAuth {
  const files: string[] = [];
  let mode = "require_and_verify";
  for (const { name, args, below: inner, label } of below) {
    const [first = "", second] = args;
    const here = (path: string) => absolute(path, label);
    if (name === "mode") mode = first;
    else if (name === "trusted_ca_cert_file") files.push(...args.map(here));
    else if (name === "trust_pool" && first === "file") {
      const listed = inner.flatMap((each) => (each.name === "pem_file" ? each.args : [""]));
      files.push(...[...(second === undefined ? [] : args.slice(1)), ...listed].map(here));
      if (listed.includes("")) return { kind: "unknown", why: "trust_pool file is not understood" };
    } else return { kind: "unknown", why: `${name} ${first} is not there`.replace(/\s+/g, " ") };
  }
  const [ca, ...others] = files;
  if (ca === undefined) return { kind: "unknown", why: "it names no file with authorities" };
  if (others.length > 0) {
    return { kind: "unknown", why: "put its authorities into one file, which tls.hosts can name" };
  }
  if (mode === "require_and_verify") return { kind: "asked", settings: { ca } };
  if (mode === "verify_if_given") return { kind: "asked", settings: { ca, mode: "request" } };
  return { kind: "unknown", why: `mode ${mode} takes certificates that nobody verified` };
}
