// Labels of Traefik 2 and 3, read as people have them. What keeps people out and is not known here closes its
// route: it is there, and answers 503, so that nobody else's route takes its requests either.

import type { Note } from "../../config/finding.ts";
import { discovery } from "../../config/provider-limits.ts";
import type { Workload } from "../workload.ts";
import { closed } from "./closed.ts";
import { plainService, splitHost } from "./default-host.ts";
import { ownName } from "./naming.ts";
import { hint, warning } from "./note.ts";
import { call } from "./rule-text.ts";
import { newDraft } from "./traefik-draft.ts";
import type { Draft } from "./traefik-draft.ts";
import { readTraefikLabels } from "./traefik-labels.ts";
import type { TraefikLabels } from "./traefik-labels.ts";
import { withoutPairs } from "./traefik-pairs.ts";
import { readRouter, ruleAgainst, ruleFor } from "./traefik-router.ts";
import type { Router } from "./traefik-router.ts";
import { readService } from "./traefik-services.ts";
import type { ServiceParts } from "./traefik-services.ts";
import { tcpWishes } from "./traefik-tcp.ts";
import type { Wish, WishedService, WishOptions, WishReader } from "./wish.ts";

export const traefikWishes: WishReader = (workload, options) => {
  const labels = readTraefikLabels(workload.labels);
  const notes = [...labels.notes];
  if (labels.isEnabled === false) return { wishes: [], notes, isRefused: true };
  if (!labels.isThere) return { wishes: [], notes, isRefused: false };
  if (labels.isEnabled === undefined && !options.exposedByDefault) {
    notes.push(warning("", "has labels of Traefik, and is not routed without traefik.enable=true"));
    return { wishes: [], notes, isRefused: false };
  }
  const wishes = [
    ...httpWishes(labels, workload, options, notes),
    ...tcpWishes(labels, workload, notes),
  ];
  if (wishes.length === 0 && labels.http.routers.size === 0 && labels.tcp.routers.size === 0) {
    const remedy =
      "add traefik.http.routers.NAME.rule=Host(`NAME`), or give the provider a defaultHost";
    notes.push(hint("", "has labels of Traefik, and no router", remedy));
  }
  return { wishes, notes, isRefused: false };
};

function httpWishes(
  labels: TraefikLabels,
  workload: Workload,
  { defaultHost, sets }: WishOptions,
  notes: Note[],
): Wish[] {
  const { http } = labels;
  const defaultRule = defaultHost === undefined ? undefined : ruleOfHost(defaultHost);
  const sections = [...http.routers.values()].slice(0, discovery.routesPerWorkload);
  // Without a router it has the default one, as in Traefik; but a container for TCP alone has none.
  if (sections.length === 0 && defaultRule !== undefined && labels.tcp.routers.size === 0) {
    sections.push({ name: ownName(workload), values: new Map() });
  }
  const routers = withoutPairs(
    sections.map((each) => readRouter(each, { sections: http, defaultRule, sets })),
  );
  const services = servicesOf(routers, labels, workload);
  const wishes = routers.flatMap((router) => wishesOf(router, services));
  for (const { draft } of routers) notes.push(...draft.notes);
  return wishes;
}

function ruleOfHost(host: string): string {
  const { host: name = "", path } = splitHost(host);
  if (path === undefined || path === "/") return call("Host", name);
  const below = path.endsWith("/") ? path : `${path}/`;
  return `${call("Host", name)} && (${call("Path", path)} || ${call("PathPrefix", below)})`;
}

interface Served {
  readonly service: WishedService;
  readonly labels: ReadonlyMap<string, string>;
  readonly isClosed: boolean;
  /** What middlewares said of it. */
  readonly extra: ReadonlyMap<string, unknown>;
}

/** By their sections; what middlewares say of a service counts for all its routers. */
function servicesOf(
  routers: readonly Router[],
  { http, network }: TraefikLabels,
  workload: Workload,
): ReadonlyMap<string | undefined, Served> {
  const found = new Map<string | undefined, Served>();
  for (const { service: target, draft } of routers) {
    if (target.kind !== "own") continue;
    const before = found.get(target.section);
    if (before !== undefined) {
      const isSame = JSON.stringify([...draft.service]) === JSON.stringify([...before.extra]);
      if (!isSame) tellTwice(draft);
      continue;
    }
    const section = target.section === undefined ? undefined : http.services.get(target.section);
    const own = newDraft();
    const parts = section === undefined ? usual : readService(section, own);
    draft.notes.push(...own.notes);
    found.set(target.section, {
      service: {
        ...plainService,
        name: section?.name ?? ownName(workload),
        settings: Object.fromEntries([...parts.settings, ...draft.service]),
        port: parts.port,
        scheme: parts.scheme,
        weight: parts.weight,
        network,
      },
      labels: new Map(
        [...own.labels, ...draft.labels].filter(([key]) => key.startsWith("service.")),
      ),
      isClosed: own.isClosed,
      extra: draft.service,
    });
  }
  return found;
}

const usual: ServiceParts = { port: undefined, scheme: "http", weight: 1, settings: new Map() };

function tellTwice(draft: Draft): void {
  const [label = ""] = draft.labels.values();
  const message =
    "retry and circuitBreaker belong to the service here, and another router of it says them otherwise";
  draft.notes.push(warning(label, message));
}

function wishesOf(
  { name, rule, priority, service: target, draft }: Router,
  services: ReadonlyMap<string | undefined, Served>,
): Wish[] {
  if (target.kind === "internal") {
    draft.notes.push(hint("", `the router ${name} leads to Traefik itself, which is not here`));
    return [];
  }
  const rank = priority === undefined ? {} : { priority };
  const served = target.kind === "own" ? services.get(target.section) : undefined;
  const labels = new Map([...draft.labels, ...(served?.labels ?? [])]);
  const wish = (more: Pick<Wish, "route" | "service"> & { readonly suffix?: string }): Wish => ({
    dialect: "traefik",
    kind: "http",
    name: `${name}${more.suffix ?? ""}`,
    route: more.route,
    service: more.service,
    labels,
  });
  // Nobody can ask for it; and yet it wants to be routed in this dialect, and no other.
  if (rule === undefined) return [wish({ route: {}, service: undefined })];
  if (draft.isClosed || served?.isClosed === true) {
    return [wish({ route: { rule, ...rank, ...closed(closedWhy) }, service: undefined })];
  }
  const answer = served === undefined ? nobody : {};
  const route = {
    rule: ruleFor(rule, draft.allowed),
    ...rank,
    ...Object.fromEntries(draft.route),
    ...answer,
  };
  const main = wish({ route, service: served?.service });
  const [list] = draft.allowed;
  if (list === undefined) return [main];
  const barred = { status: list.status, body: "You may not come in from here.\n" };
  const others = { rule: ruleAgainst(rule, draft.allowed), ...rank, respond: barred };
  return [main, wish({ route: others, service: undefined, suffix: "-others" })];
}

const closedWhy =
  "this site asks for something that the proxy does not have. `tidegate discover` tells its operator more.";

/** Behind a redirect that does not fit. */
const nobody = { respond: { status: 404, body: "There is nothing here.\n" } };
