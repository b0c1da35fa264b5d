// One HTTP router of Traefik: its rule, entry points and middlewares, and which service it names.

import { formatRule, parseRule } from "../../config/rule.ts";
import { hostsOf } from "../../config/rule-hosts.ts";
import { fault, hint, shown } from "./note.ts";
import { call, either } from "./rule-text.ts";
import { close } from "./traefik-draft.ts";
import type { Allowed, Draft } from "./traefik-draft.ts";
import { readFlag, readList } from "./traefik-labels.ts";
import type { LabelValue, Section, Sections } from "./traefik-labels.ts";
import { applyMiddlewares, ownReference } from "./traefik-middlewares.ts";
import { modernRule } from "./traefik-rule.ts";

export interface Router {
  readonly name: string;
  /** undefined = it says none, and there is no default: it becomes no route. */
  readonly rule: string | undefined;
  /** In one spelling: equal for routers that claim the same requests. */
  readonly claim: string;
  readonly priority: string | undefined;
  /** For requests without TLS alone, or for those with it. */
  readonly entry: "plain" | "secure" | "any";
  readonly service: Target;
  readonly draft: Draft;
}

/** `own`: by the lower-case name of its section; undefined = the one that the container has without labels. */
export type Target =
  | { readonly kind: "own"; readonly section: string | undefined }
  /** It answers by itself. */
  | { readonly kind: "nobody" }
  /** Traefik's dashboard and the like. */
  | { readonly kind: "internal" };

export interface RouterOptions {
  readonly sections: Sections;
  readonly defaultRule: string | undefined;
  /** Sets of our own file, which may be named `NAME@file`. */
  readonly sets?: readonly string[] | undefined;
  /** It is an operator's: files and other servers may be named. */
  readonly mayAsk?: boolean;
}

export function readRouter(section: Section, options: RouterOptions): Router {
  const { values } = section;
  const { sections, defaultRule, sets, mayAsk } = options;
  const [first] = values.values();
  const about = values.get("service")?.label ?? first?.label ?? "";
  const target = targetOf(values.get("service"), sections);
  const behind =
    typeof target !== "string" && target.kind === "own" && target.section !== undefined
      ? sections.services.get(target.section)?.values.get("middlewares")
      : undefined;
  const uses = [values.get("middlewares"), behind];
  const draft = applyMiddlewares(uses, sections.middlewares, { sets, mayAsk });
  if (typeof target === "string")
    close(draft, about, target, "write the name of one of its services");
  for (const [key, { label }] of values) {
    if (known.test(key)) continue;
    // Traefik refuses the whole container then: who knows what was to be kept out.
    close(draft, label, `a router has no key ${shown(key)}`, "look for a slip");
  }
  const entry = entryOf(values, draft);
  checkTlsOptions(values.get("tls.options"), draft);
  const written = values.get("rule");
  if (written !== undefined) draft.labels.set("route.rule", written.label);
  const priority = values.get("priority");
  if (priority !== undefined) draft.labels.set("route.priority", priority.label);
  const rule = written === undefined ? defaultRule : modernRule(written.value.trim());
  if (rule === undefined) {
    const remedy = `write traefik.http.routers.${section.name}.rule, or give the provider a defaultHost`;
    draft.notes.push(fault(about, "the router has no rule", remedy));
  }
  askForCertificate(values.get("tls.certresolver"), rule, draft);
  return {
    name: section.name,
    rule,
    claim: claimOf(rule ?? ""),
    // 0 means none.
    priority: priority?.value.trim() === "0" ? undefined : priority?.value.trim(),
    entry,
    service: typeof target === "string" ? { kind: "nobody" } : target,
    draft,
  };
}

const known =
  /^(rule|rulesyntax|service|middlewares|entrypoints|priority|tls|tls\.certresolver|tls\.options|tls\.domains.*|observability\..*)$/;

/** Which authority signs is said in the configuration; a rule for any host names nobody to certify. */
function askForCertificate(
  found: LabelValue | undefined,
  rule: string | undefined,
  draft: Draft,
): void {
  if (found === undefined || found.value.trim() === "" || rule === undefined) return;
  const parsed = parseRule(rule);
  const hosts = parsed.kind === "rule" ? hostsOf(parsed.rule) : undefined;
  if (hosts === undefined || hosts.includes("*")) {
    draft.notes.push(
      hint(found.label, "the rule names no host, so there is no certificate for it"),
    );
    return;
  }
  draft.route.set("tls", "auto");
  draft.labels.set("route.tls", found.label);
}

/** A text says why there is none. */
function targetOf(found: LabelValue | undefined, { services }: Sections): Target | string {
  if (found === undefined || found.value.trim() === "") {
    const [only, ...others] = services.keys();
    if (others.length === 0) return { kind: "own", section: only };
    return "the container has several services, and the router names none";
  }
  const reference = found.value.trim();
  if (reference.toLowerCase() === "noop@internal") return { kind: "nobody" };
  if (/@internal$/i.test(reference)) return { kind: "internal" };
  const name = ownReference(reference);
  if (name !== undefined && services.has(name)) return { kind: "own", section: name };
  return `the service ${shown(reference)} is not among the container's own labels`;
}

export const upToListeners =
  "whether there is TLS is up to the listener: the route is there with and without";

/** As they are usually called; what is behind any other name is not for everybody, perhaps. */
const plainPoints = new Set(["web", "http"]);
const securePoints = new Set(["websecure", "https"]);

function entryOf(values: Section["values"], draft: Draft): Router["entry"] {
  const found = values.get("entrypoints");
  const points = readList(found?.value ?? "").map((each) =>
    each.toLowerCase().replaceAll(/[-_]/g, ""),
  );
  const isPlain = points.some((each) => plainPoints.has(each));
  const isSecure = points.some((each) => securePoints.has(each));
  if (found !== undefined && points.length > 0 && !isPlain && !isSecure) {
    const remedy = "take the label out if it may be reached from everywhere that the proxy listens";
    const message = `there is no entry point ${shown(found.value)} (known are web, websecure, http, https)`;
    close(draft, found.label, message, remedy);
  }
  const tls = values.get("tls");
  const hasTls = [...values.keys()].some((key) => key.startsWith("tls.")) || isOn(tls);
  if (!hasTls && !(isSecure && !isPlain)) return isPlain && !isSecure ? "plain" : "any";
  draft.notes.push(hint(found?.label ?? tls?.label ?? "", upToListeners));
  return "secure";
}

function isOn(found: LabelValue | undefined): boolean {
  return found !== undefined && readFlag(found.value) !== false;
}

/** Sets that only choose versions and ciphers, as they are usually called. */
const harmless = new Set(["default", "modern", "intermediate", "old"]);

/** By what these options of TLS are called. */
export function areHarmless(options: string): boolean {
  const [name = ""] = options.trim().toLowerCase().split("@");
  return name === "" || harmless.has(name);
}

/** They may ask for client certificates, and are never in labels. */
function checkTlsOptions(found: LabelValue | undefined, draft: Draft): void {
  if (found === undefined || areHarmless(found.value)) return;
  const message = `the TLS options ${shown(found.value)} are not known, and may ask for client certificates`;
  close(draft, found.label, message, "take the label out if they do not");
}

function claimOf(rule: string): string {
  const parsed = parseRule(rule);
  return parsed.kind === "rule" ? formatRule(parsed.rule) : rule;
}

/** For those who are in a network of each list. */
export function ruleFor(rule: string, allowed: readonly Allowed[]): string {
  const lists = allowed.map(({ networks }) => networksRule(networks));
  return allowed.length === 0 ? rule : `(${rule}) && ${lists.join(" && ")}`;
}

/** For everybody else. */
export function ruleAgainst(rule: string, allowed: readonly Allowed[]): string {
  const lists = allowed.map(({ networks }) => networksRule(networks));
  return `(${rule}) && !(${lists.join(" && ")})`;
}

function networksRule(networks: readonly string[]): string {
  return either(networks.map((network) => call("ClientIP", network)));
}
