// TCP routers of Traefik. Nobody can be told why a TCP route is closed, so one that must not be there is left
// out.

import type { Note } from "../../config/finding.ts";
import { discovery } from "../../config/provider-limits.ts";
import type { Workload } from "../workload.ts";
import { plainService } from "./default-host.ts";
import { ownName } from "./naming.ts";
import { fault, shown, warning } from "./note.ts";
import { newDraft } from "./traefik-draft.ts";
import type { Draft } from "./traefik-draft.ts";
import { tcpKinds } from "./traefik-kinds.ts";
import { readFlag, readList } from "./traefik-labels.ts";
import type { Section, TraefikLabels } from "./traefik-labels.ts";
import { applyMiddlewares, ownReference } from "./traefik-middlewares.ts";
import { areHarmless, ruleFor } from "./traefik-router.ts";
import { modernRule } from "./traefik-rule.ts";
import { Reader } from "./traefik-services.ts";
import type { Wish, WishedService } from "./wish.ts";

export function tcpWishes(labels: TraefikLabels, workload: Workload, notes: Note[]): Wish[] {
  const routers = [...labels.tcp.routers.values()].slice(0, discovery.routesPerWorkload);
  return routers.flatMap((router) => {
    const draft = applyMiddlewares([router.values.get("middlewares")], labels.tcp.middlewares, {
      readers: tcpKinds,
    });
    const wish = wishOf(router, labels, { workload, draft });
    notes.push(...draft.notes.map((note) => ({ ...note, message: leftOut(note.message) })));
    return wish === undefined || draft.isClosed ? [] : [wish];
  });
}

function leftOut(message: string): string {
  return message.replace(/the route is closed, and answers 503$/, "the route is left out");
}

interface Task {
  readonly workload: Workload;
  readonly draft: Draft;
}

function wishOf(router: Section, labels: TraefikLabels, task: Task): Wish | undefined {
  const { draft } = task;
  const { name, values } = router;
  const rule = values.get("rule");
  const refuse = (about: string, message: string, remedy?: string): undefined => {
    draft.notes.push(fault(about, message, remedy));
    return undefined;
  };
  const [first] = values.values();
  if (rule === undefined) {
    const remedy = `write traefik.tcp.routers.${name}.rule=HostSNI(\`NAME\`)`;
    return refuse(first?.label ?? "", "the router has no rule", remedy);
  }
  const odd = [...values].find(([key]) => !known.test(key));
  if (odd !== undefined) return refuse(odd[1].label, `a TCP router has no key ${shown(odd[0])}`);
  const tls = [...values].find(([key, { value }]) => {
    return key === "tls" ? readFlag(value) !== false : key.startsWith("tls.");
  });
  const isEnded =
    tls !== undefined && readFlag(values.get("tls.passthrough")?.value ?? "") !== true;
  const options = values.get("tls.options");
  if (isEnded && options !== undefined && !areHarmless(options.value)) {
    const message = `the TLS options ${shown(options.value)} are not known, and may ask for client certificates`;
    return refuse(options.label, message, "take the label out if they do not");
  }
  const resolver = values.get("tls.certresolver");
  if (isEnded && resolver !== undefined) {
    const message = "certificates are had for routes of HTTP alone";
    const remedy = "add one to tls.certificates in the configuration file";
    draft.notes.push(warning(resolver.label, message, remedy));
  }
  const service = serviceOf(values.get("service")?.value, labels, task);
  if (typeof service === "string") {
    return refuse(values.get("service")?.label ?? rule.label, service);
  }
  const priority = values.get("priority");
  const listener = listenersOf(values.get("entrypoints")?.value ?? "", rule.value);
  const made = ruleFor(modernRule(rule.value.trim()), draft.allowed);
  const route = {
    rule: made,
    ...(isEnded ? { tls: true } : {}),
    ...(listener === undefined ? {} : { listener }),
    ...(priority === undefined || priority.value.trim() === "0"
      ? {}
      : { priority: priority.value }),
  };
  const points = values.get("entrypoints");
  const places = new Map([...draft.labels, ["route.rule", rule.label] as const]);
  if (points !== undefined) places.set("route.listener", points.label);
  if (isEnded) places.set("route.tls", tls[1].label);
  // A route of HTTP may have the same name.
  const isTaken = labels.http.routers.has(name.toLowerCase());
  const own = isTaken ? `${name}-tcp` : name;
  return { dialect: "traefik", kind: "tcp", name: own, route, service, labels: places };
}

const known =
  /^(rule|rulesyntax|service|middlewares|entrypoints|priority|tls|tls\.passthrough|tls\.certresolver|tls\.options|tls\.domains.*)$/;

const usualPoints = new Set(["web", "websecure", "http", "https"]);

/** An entry point is a listener's name. Names of web sites are told apart on any of them. */
function listenersOf(text: string, rule: string): readonly string[] | undefined {
  const points = readList(text);
  const isUsual = points.every((each) => usualPoints.has(each.toLowerCase()));
  return points.length === 0 || (isUsual && !rule.includes("*")) ? undefined : points;
}

/** A text says why there is none. */
function serviceOf(
  reference: string | undefined,
  { http, tcp, network }: TraefikLabels,
  { workload, draft }: Task,
): WishedService | string {
  const [only, ...others] = tcp.services.keys();
  const name = reference === undefined ? only : (ownReference(reference.trim()) ?? "");
  if (reference === undefined && others.length > 0) {
    return "the container has several TCP services, and the router names none";
  }
  const section = name === undefined ? undefined : tcp.services.get(name);
  if (name !== undefined && section === undefined) {
    return `the service ${shown(reference ?? "")} is not among the container's own labels`;
  }
  if (section === undefined) {
    return { ...plainService, name: `${ownName(workload)}-tcp`, scheme: "tcp", network };
  }
  const own = newDraft();
  const reader = new Reader(section, own);
  const port = reader.port("loadbalancer.server.port");
  const weight = reader.whole("loadbalancer.server.weight", 1000) ?? plainService.weight;
  const scheme = reader.flag("loadbalancer.server.tls") === true ? "tls" : "tcp";
  const version = reader.take("loadbalancer.proxyprotocol.version");
  const asked = version ?? reader.take("loadbalancer.proxyprotocol");
  if (asked !== undefined) {
    reader.put("proxyProtocol", asked.value.trim() === "1" ? "v1" : "v2", asked.label);
  }
  for (const [, { label }] of reader.takeAll("loadbalancer.healthcheck.")) {
    own.notes.push(
      warning(label, "checks of TCP services are not read", "add tidegate.service.check"),
    );
  }
  reader.finish();
  draft.notes.push(...own.notes);
  if (own.isClosed) draft.isClosed = true;
  for (const [key, label] of own.labels) draft.labels.set(key, label);
  const settings = Object.fromEntries(reader.settings);
  // HTTP and TCP services may have one name, and ours may not.
  const taken = http.services.has(section.name.toLowerCase());
  const serviceName = taken ? `${section.name}-tcp` : section.name;
  return { ...plainService, name: serviceName, settings, port, scheme, weight, network };
}
