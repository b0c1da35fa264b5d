// TLS of the sites of a Caddyfile. Every site with a name has it unless it says `http://`, and a certificate that comes by itself
// unless `tls` names one. Who comes in the clear is sent to https.

import { isDeepStrictEqual } from "node:util";
import type { RouteTls } from "../../config/acme-settings.ts";
import { certificateOf } from "../../providers/labels/caddy-site.ts";
import type { Directive } from "../../providers/labels/caddy-tree.ts";
import { AcmeDraft } from "../acme-draft.ts";
import type { Outline, Settings } from "../outline.ts";
import { shown } from "../outline.ts";
import { clientAuthOf } from "./client-auth.ts";
import { absolute } from "./files.ts";
import type { CaddyOptions } from "./options.ts";

export interface SiteTls {
  /** Of all its routes. */
  readonly route: Settings;
  /** Why nobody gets in; undefined = it is open. */
  readonly shut: string | undefined;
}

interface Site {
  readonly site: Directive;
  readonly rule: string;
  /** None = they cannot be told. */
  readonly hosts: readonly string[];
  /** It is at addresses with TLS alone. */
  readonly isSecure: boolean;
}

const said = new Map([
  ["ciphers", "see tls.profile"],
  ["curves", "see tls.profile"],
  ["alpn", "clients choose HTTP/2 or HTTP/1.1; see http2 of a listener"],
  ["dns", "who changes the DNS is said in tls.acme.dns"],
  [
    "eab",
    "write its key into a file, and tls.acme.authority: { directory, eab: { keyId, keyFile } }",
  ],
  ["get_certificate", "name its certificates in tls.certificates"],
  ["resolvers", "see tls.acme.dns"],
  ["propagation_timeout", "see tls.acme.dns"],
  ["propagation_delay", "see tls.acme.dns"],
]);

export class CaddyTls {
  readonly acme: AcmeDraft;
  readonly #outline: Outline;
  readonly #certificates: unknown[] = [];
  readonly #hosts = new Map<string, Settings>();
  readonly #demanded = new Set<string>();
  #label = "";

  constructor(outline: Outline) {
    this.#outline = outline;
    this.acme = new AcmeDraft((text) => this.#note(text));
  }

  site(given: Site, options: CaddyOptions): SiteTls {
    const { site, rule, hosts, isSecure } = given;
    const directives = site.below.filter(({ name }) => name === "tls");
    let shut: string | undefined;
    for (const directive of directives) shut = this.#read(directive, given, options) ?? shut;
    const wanted = isSecure && !options.isOff ? certificateOf(site, rule) : undefined;
    const isDemanded = hosts.some((each) => this.#demanded.has(each));
    const kind: RouteTls | undefined =
      wanted === "auto" && options.isLocal ? "internal" : isDemanded ? undefined : wanted;
    if (kind === "auto") this.acme.want();
    const route = {
      ...(isSecure ? { redirect: "https" } : {}),
      ...(kind === undefined ? {} : { tls: kind }),
    };
    return { route, shut };
  }

  /** As `tls` says it. */
  finish({ ask, defaultName }: CaddyOptions): Settings | undefined {
    const hosts = [...this.#demanded];
    if (hosts.length > 0) {
      const onDemand = {
        ...(hosts.includes("*") ? {} : { hosts: hosts.length === 1 ? hosts[0] : hosts }),
        ...(ask === "" ? {} : { ask }),
      };
      this.acme.set("onDemand", onDemand);
    }
    const acme = this.acme.finish();
    const certificates = [
      ...new Map(this.#certificates.map((each) => [JSON.stringify(each), each])).values(),
    ];
    const tls = {
      ...(certificates.length === 0 ? {} : { certificates }),
      ...(/^[\w-]+(\.[\w-]+)*$/.test(defaultName) ? { default: defaultName } : {}),
      ...(this.#hosts.size === 0 ? {} : { hosts: Object.fromEntries(this.#hosts) }),
      ...(acme === undefined ? {} : { acme }),
    };
    return Object.keys(tls).length === 0 ? undefined : tls;
  }

  #note(text: string): void {
    this.#outline.note(`${this.#label}: ${text}`);
  }

  /** Why its site is closed; undefined = it is not. */
  #read(directive: Directive, site: Site, options: CaddyOptions): string | undefined {
    const { args, below, label } = directive;
    this.#label = label;
    const [first = "", key] = args;
    if (key !== undefined) {
      this.#certificates.push({ cert: absolute(first, label), key: absolute(key, label) });
    } else if (first.includes("@")) this.acme.email(first);
    const valueOf = (name: string) => below.find((each) => each.name === name)?.args[0];
    const [authority, root] = [valueOf("ca"), valueOf("ca_root")];
    if (authority !== undefined) {
      this.acme.authority(authority, root === undefined ? undefined : absolute(root, label));
    }
    let shut: string | undefined;
    for (const each of below) {
      this.#label = each.label;
      shut = this.#option(each, site, options) ?? shut;
    }
    return shut;
  }

  #option(directive: Directive, { hosts }: Site, options: CaddyOptions): string | undefined {
    const { name, args, below, label } = directive;
    const [first = "", second = ""] = args;
    switch (name) {
      case "client_auth":
        return this.#clientAuth(directive, hosts);
      case "protocols":
        if (first === "tls1.3") this.#perHost(hosts, { profile: "modern" });
        if (second === "tls1.2") this.#note("protocols: TLS 1.3 is spoken beside 1.2");
        return undefined;
      case "ca":
      case "ca_root":
        return undefined;
      case "key_type":
        if (first.startsWith("rsa")) this.acme.set("keyType", "rsa");
        return undefined;
      case "load":
        for (const each of args) this.#certificates.push(absolute(each, label));
        return undefined;
      case "issuer":
        this.#issuer(first, below);
        return undefined;
      case "on_demand":
        this.#demand(hosts, options);
        return undefined;
      default:
        this.#note(`tls ${name}: ${said.get(name) ?? "is not carried over"}`);
        return undefined;
    }
  }

  #issuer(kind: string, below: readonly Directive[]): void {
    if (kind === "internal") return;
    if (kind !== "acme") this.#note(`issuer ${kind}: say tls.acme.authority`);
    for (const { name, args } of kind === "acme" ? below : []) {
      if (name === "email") this.acme.email(args[0] ?? "");
      else if (name === "dir") this.acme.authority(args[0] ?? "");
      else this.#note(`issuer acme ${name}: see tls.acme`);
    }
  }

  #perHost(hosts: readonly string[], settings: Settings): void {
    for (const host of hosts.filter((each) => each !== "*")) {
      this.#hosts.set(host, { ...this.#hosts.get(host), ...settings });
    }
  }

  #clientAuth(directive: Directive, hosts: readonly string[]): string | undefined {
    const found = clientAuthOf(directive);
    const isNamed = hosts.length > 0 && !hosts.includes("*");
    const isOther =
      found.kind === "asked" && hosts.some((host) => this.#asksOtherwise(host, found.settings));
    if (found.kind === "asked" && isNamed && !isOther) {
      this.#perHost(hosts, { clientAuth: found.settings });
      return undefined;
    }
    const why =
      found.kind === "unknown"
        ? found.why
        : isOther
          ? "another site asks otherwise by the same name"
          : "certificates of clients are asked for by host name, and this site has none";
    this.#note(`client_auth: ${why}: its site is closed, and answers 503`);
    return "certificates of clients cannot be asked for as they were.";
  }

  /** Another site of that name, at another port, perhaps with a stronger lock. */
  #asksOtherwise(host: string, clientAuth: Settings): boolean {
    const before = this.#hosts.get(host)?.["clientAuth"];
    return before !== undefined && !isDeepStrictEqual(before, clientAuth);
  }

  #demand(hosts: readonly string[], { ask }: CaddyOptions): void {
    const wanted = hosts.length === 0 ? ["*"] : hosts;
    const isOpen = wanted.some((each) => each.startsWith("*"));
    if (isOpen && ask === "") {
      this.#note(
        `on_demand of ${shown(wanted.join(" "))} without ask: say tls.acme.onDemand with ask, or anybody could have certificates made`,
      );
      return;
    }
    for (const each of wanted) this.#demanded.add(each);
  }
}
