// TLS of Traefik's files as our `tls`: certificates, default options, what differs for the hosts of a router, and resolvers.
// Routers have TLS alone or none; ours are there at every listener, so that those are sent to https.

import { isDeepStrictEqual } from "node:util";
import type { Path } from "../../config/problem.ts";
import { hostsOf } from "../../config/rule-hosts.ts";
import { parseRule } from "../../config/rule.ts";
import { AcmeDraft } from "../acme-draft.ts";
import { certificateName } from "../certificate-name.ts";
import type { Settings } from "../outline.ts";
import { entriesOf, listOf, textOf, valueOf } from "./flat.ts";
import type { TlsOptions } from "./tls-options.ts";
import { isFile, tlsOptionsOf } from "./tls-options.ts";

type Note = (path: Path, text: string) => void;

export class TraefikTls {
  readonly #value: unknown;
  readonly #note: Note;
  readonly #hosts = new Map<string, Settings>();
  readonly #usual: TlsOptions | undefined;
  readonly #acme: AcmeDraft;
  #default: string | undefined;
  /** All routers with TLS ask for the same, and there are no others. */
  #isCommon: boolean;

  constructor(value: unknown, note: Note) {
    this.#value = value;
    this.#note = note;
    this.#usual = tlsOptionsOf(valueOf(value, "tls"), "default");
    this.#acme = new AcmeDraft((text) => note(["certificatesResolvers"], text));
    this.#isCommon = ["http", "tcp"].every((kind) =>
      entriesOf(valueOf(value, kind), "routers").every(([, router]) => {
        const tls = valueOf(router, "tls");
        const isEnded = tls !== undefined && tls !== false && valueOf(tls, "passthrough") !== true;
        return !isEnded || isDeepStrictEqual(this.#optionsOf(router)?.auth, this.#usual?.auth);
      }),
    );
  }

  #optionsOf(router: unknown): TlsOptions | undefined {
    const name = textOf(valueOf(valueOf(router, "tls"), "options")) ?? "default";
    return tlsOptionsOf(valueOf(this.#value, "tls"), name.replace(/@file$/, ""));
  }

  /** Some router is there in the clear, where nobody can show a certificate. */
  sayByHost(): void {
    this.#isCommon = false;
  }

  /** Are there options of this name? */
  has(options: string): boolean {
    return tlsOptionsOf(valueOf(this.#value, "tls"), options) !== undefined;
  }

  /** Says what differs for its hosts. Returns why nobody may get in; undefined = it is open. */
  router(path: Path, router: unknown, rule: string, kind: "http" | "stream"): string | undefined {
    const tls = valueOf(router, "tls");
    const options = this.#optionsOf(router);
    if (tls === undefined || tls === false || options === undefined) return undefined;
    const { auth, profile } = options;
    if (auth.kind === "unknown") {
      this.#note(path, `clientAuth: ${auth.why}: ${closing(kind)}`);
      return auth.why;
    }
    const isAsked = auth.kind === "asked" && !this.#isCommon;
    const hosts = hostsIn(rule, kind);
    if (isAsked && (hosts === undefined || hosts.includes("*"))) {
      const why = "certificates of clients are asked for by host name, and the rule names none";
      this.#note(path, `clientAuth: ${why}: ${closing(kind)}`);
      return why;
    }
    const settings = {
      ...(profile === this.#usual?.profile ? {} : { profile }),
      ...(isAsked ? { clientAuth: auth.settings } : {}),
    };
    if (Object.keys(settings).length === 0) return undefined;
    // Two routers for a host: what keeps people out of one of them stays.
    for (const host of hosts ?? []) {
      if (host !== "*") this.#hosts.set(host, { ...settings, ...this.#hosts.get(host) });
    }
    return undefined;
  }

  /** Do its clients need a certificate? */
  isGuarded(router: unknown): boolean {
    const tls = valueOf(router, "tls");
    return tls !== undefined && tls !== false && this.#optionsOf(router)?.auth.kind === "asked";
  }

  /** Some route has `tls: auto`. */
  want(): void {
    this.#acme.want();
  }

  finish(): Settings | undefined {
    const tls = valueOf(this.#value, "tls");
    const certificates = this.#certificates(tls);
    this.#tellOptions(tls);
    this.#resolvers();
    const acme = this.#acme.finish();
    const { profile, isStrict, auth } = this.#usual ?? {};
    const settings = {
      ...(certificates.length === 0 ? {} : { certificates }),
      ...(this.#default === undefined || isStrict === true ? {} : { default: this.#default }),
      ...(isStrict === true ? { strict: true } : {}),
      ...(profile === undefined || profile === "intermediate" ? {} : { profile }),
      ...(auth?.kind === "asked" && this.#isCommon ? { clientAuth: auth.settings } : {}),
      ...(this.#hosts.size === 0 ? {} : { hosts: Object.fromEntries(this.#hosts) }),
      ...(acme === undefined ? {} : { acme }),
    };
    return Object.keys(settings).length === 0 ? undefined : settings;
  }

  #certificates(tls: unknown): Settings[] {
    const stores = entriesOf(tls, "stores");
    const usual = stores.flatMap(([name, store]) => {
      const certificate = valueOf(store, "defaultCertificate");
      if (certificate === undefined) return [];
      const file = textOf(valueOf(certificate, "certFile")) ?? "";
      this.#default ??= isFile(file) ? certificateName(file) : undefined;
      const text = "which certificate others are shown is said in tls.default, by a name in it";
      if (this.#default === undefined) this.#note(["tls", "stores", name], text);
      return [certificate];
    });
    return [...usual, ...listOf(valueOf(tls, "certificates"))].flatMap((each, index) => {
      const cert = textOf(valueOf(each, "certFile")) ?? "";
      const key = textOf(valueOf(each, "keyFile")) ?? "";
      if (isFile(cert) && isFile(key)) return [{ cert, key }];
      this.#note(["tls", "certificates"], `certificate ${index + 1}: write it into two files`);
      return [];
    });
  }

  #tellOptions(tls: unknown): void {
    for (const [name] of entriesOf(tls, "options")) {
      for (const key of tlsOptionsOf(tls, name)?.others ?? []) {
        const text = /cipher|curve/i.test(key) ? "see tls.profile" : "is not carried over; see tls";
        this.#note(["tls", "options", name], `${key}: ${text}`);
      }
    }
  }

  #resolvers(): void {
    const challenges = new Set<string>();
    for (const [name, resolver] of entriesOf(this.#value, "certificatesResolvers")) {
      const path = ["certificatesResolvers", name];
      const acme = valueOf(resolver, "acme");
      if (acme === undefined) {
        this.#note(path, "this resolver is no ACME, and is not carried over");
        continue;
      }
      this.#acme.email(textOf(valueOf(acme, "email")) ?? "");
      const server = textOf(valueOf(acme, "caServer"));
      const [ca] = listOf(valueOf(acme, "caCertificates")).map((each) => textOf(each));
      if (server !== undefined) this.#acme.authority(server, ca);
      if (/^rsa/i.test(textOf(valueOf(acme, "keyType")) ?? "")) this.#acme.set("keyType", "rsa");
      if (valueOf(acme, "httpChallenge") !== undefined) challenges.add("http-01");
      if (valueOf(acme, "tlsChallenge") !== undefined) challenges.add("tls-alpn-01");
      for (const [key] of entriesOf(acme)) {
        const text = said.get(key.toLowerCase());
        if (text !== undefined) this.#note(path, `${key}: ${text}`);
      }
    }
    if (challenges.size > 0) this.#acme.set("challenges", [...challenges]);
  }
}

const said = new Map([
  ["dnschallenge", "who changes the DNS is said in tls.acme.dns; then take out challenges"],
  [
    "storage",
    "certificates are had anew, unless those of acme.json lie in a folder of tls.certificates",
  ],
  [
    "eab",
    "write its key into a file, and tls.acme.authority: { directory, eab: { keyId, keyFile } }",
  ],
  ["preferredchain", "say preferredChain in tls.acme.authority"],
  ["profile", "say profile in tls.acme.authority"],
]);

function closing(kind: "http" | "stream"): string {
  return kind === "http" ? "its route is closed, and answers 503" : "it is left out";
}

/** undefined = they cannot be told. */
function hostsIn(rule: string, kind: "http" | "stream"): readonly string[] | undefined {
  const parsed = parseRule(rule, kind);
  return parsed.kind === "rule" ? hostsOf(parsed.rule) : undefined;
}
