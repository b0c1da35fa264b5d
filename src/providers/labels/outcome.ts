// What became of everybody: claims and services for the snapshot, and for people what each one got and why not
// more.

import type { Claim, Discovery } from "../../config/discovery.ts";
import type { FoundRoute, Note } from "../../config/finding.ts";
import { wishBounds } from "../../config/provider-limits.ts";
import type { DiscoverySettings } from "../../config/provider-settings.ts";
import type { DiscoveredProblem, DiscoveredReading } from "../../config/read-discovered.ts";
import { formatRule } from "../../config/rule.ts";
import type { Rule } from "../../config/rule.ts";
import { renamedService } from "../../config/service-parts.ts";
import type { Backend, Service } from "../../config/service.ts";
import type { Route, StreamRoute } from "../../config/snapshot.ts";
import { nearest } from "../../lib/nearest.ts";
import { labelOf } from "./definition.ts";
import type { Entry, Group, SharedRoute } from "./groups.ts";
import { leftOut, staffed, type Staffed } from "./staffed.ts";
import { ownKeys } from "./tidegate.ts";
import type { Wish } from "./wish.ts";

export class Outcome {
  readonly members = new Map<string, readonly string[]>();
  readonly #settings: DiscoverySettings;
  /** Since when each tenant exists. */
  readonly #since: ReadonlyMap<string, number>;
  readonly #routes: Claim<Route>[] = [];
  readonly #streamRoutes: Claim<StreamRoute>[] = [];
  readonly #services = new Map<string, Service>();
  readonly #notes = new Map<Entry, Note[]>();
  readonly #became = new Map<Entry, FoundRoute[]>();
  readonly #backends = new Map<Entry, Backend>();

  constructor(settings: DiscoverySettings, entries: readonly Entry[]) {
    this.#settings = settings;
    const since = new Map<string, number>();
    for (const { scope, workload } of entries) {
      const before = since.get(scope.tenant) ?? 0;
      const { createdAt } = workload;
      const isOlder = createdAt > 0 && (before === 0 || createdAt < before);
      since.set(scope.tenant, isOlder ? createdAt : before);
    }
    this.#since = since;
  }

  get discovery(): Discovery {
    const { name: provider, hosts } = this.#settings;
    const services = Object.fromEntries(this.#services);
    return { provider, hosts, routes: this.#routes, streamRoutes: this.#streamRoutes, services };
  }

  note(entry: Entry, ...notes: readonly Note[]): void {
    listAt(this.#notes, entry).push(...notes);
  }

  notesOf(entry: Entry): readonly Note[] {
    const all = [...entry.spoken.notes, ...(this.#notes.get(entry) ?? [])];
    const unique = new Map(all.map((note) => [JSON.stringify(note), note]));
    return [...unique.values()].slice(0, wishBounds.notes);
  }

  becameOf(entry: Entry): readonly FoundRoute[] {
    return this.#became.get(entry) ?? [];
  }

  /** The first that leads to it. */
  backendOf(entry: Entry): Backend | undefined {
    return this.#backends.get(entry);
  }

  /** `group` is undefined when the routes answer by themselves. */
  add(group: Group | undefined, routes: readonly SharedRoute[], reading: DiscoveredReading): void {
    for (const problem of reading.problems) this.#tell(group, routes, problem);
    const staff = group === undefined ? undefined : this.#staff(group, reading);
    const add = <Item extends Route | StreamRoute>(
      item: Item,
      kind: Wish["kind"],
      to: Claim<Item>[],
    ) => {
      const shared = routes.find((each) => each.name === item.name && each.wish.kind === kind);
      if (shared === undefined) return;
      const { tenant } = shared.entry.scope;
      to.push({ item, tenant, since: this.#since.get(tenant) ?? 0 });
      const joined = (group?.parts ?? []).filter(({ wish }) => wish.route === undefined);
      for (const entry of [...shared.sharers, ...joined.map((each) => each.entry)]) {
        listAt(this.#became, entry).push({
          route: item.name,
          rule: textOf(item.rule),
          service: item.service,
          backend: staff?.backends.get(entry)?.url,
          dialect: shared.wish.dialect,
        });
      }
    };
    for (const route of reading.routes) add(route, "http", this.#routes);
    for (const route of reading.streamRoutes) add(route, "tcp", this.#streamRoutes);
  }

  /** Services of a group, under names that say whose they are; undefined = nothing could be made of it. */
  #staff(group: Group, { services }: DiscoveredReading): Pick<Staffed, "backends"> | undefined {
    const main = services[group.name];
    if (main === undefined) return undefined;
    const all = Object.values(services).map((each) =>
      renamedService(each, (name) => this.#nameOf(name, group)),
    );
    const backends = new Map<Entry, Backend>();
    for (const service of all) {
      const staff = staffed(service, group.parts, this.#settings);
      this.#services.set(service.name, staff?.service ?? service);
      const ids = group.parts.map(({ entry }) => entry.workload.id);
      this.members.set(service.name, ids);
      for (const [entry, note] of staff?.notes ?? []) this.note(entry, note);
      for (const [entry, backend] of staff?.backends ?? []) {
        backends.set(entry, backend);
        if (!this.#backends.has(entry)) this.#backends.set(entry, backend);
      }
    }
    if (main.kind === "files") {
      const [, ...others] = group.parts;
      for (const [entry, note] of leftOut(
        group.workload,
        others,
        "its files are served, as it is older",
      )) {
        this.note(entry, note);
      }
    }
    return { backends };
  }

  /** Those that were made beside a service (`blog@docker@scripts`) end in the provider's name as well. */
  #nameOf(name: string, group: Group): string {
    if (name === group.name || !name.startsWith(`${group.name}@`)) return name;
    const provider = `@${this.#settings.name}`;
    return `${group.name.slice(0, -provider.length)}${name.slice(group.name.length)}${provider}`;
  }

  /** Tells all whose words they are. */
  #tell(
    group: Group | undefined,
    routes: readonly SharedRoute[],
    problem: DiscoveredProblem,
  ): void {
    const [section, name] = problem.path;
    const kind = section === "tcpRoutes" ? "tcp" : "http";
    const route = routes.find((each) => each.name === name && each.wish.kind === kind);
    const isService = section === "services";
    const wish = isService ? group?.wish : route?.wish;
    const whose = isService ? group?.parts.map(({ entry }) => entry) : route?.sharers;
    if (wish === undefined || whose === undefined) return;
    const { severity, message } = problem;
    const about = labelOf(wish, problem);
    const note = { severity, about, message, remedy: remedyOf(wish, problem) };
    for (const entry of whose) this.note(entry, note);
  }
}

/** Our labels have keys that no route in the file has. */
function remedyOf(
  { dialect }: Wish,
  { path, message, remedy }: DiscoveredProblem,
): string | undefined {
  const [section, , key, ...more] = path;
  const isOwn =
    dialect === "tidegate" && section !== "services" && message.startsWith("unknown key");
  if (!isOwn || more.length > 0 || remedy?.startsWith("write") === true) return remedy;
  const near = nearest(String(key), ownKeys);
  return near === undefined ? remedy : `write tidegate.${near}`;
}

const texts = new WeakMap<Rule, string>();

function textOf(rule: Rule): string {
  const known = texts.get(rule);
  if (known !== undefined) return known;
  const text = formatRule(rule);
  texts.set(rule, text);
  return text;
}

function listAt<Key, Item>(map: Map<Key, Item[]>, key: Key): Item[] {
  const known = map.get(key);
  if (known !== undefined) return known;
  const list: Item[] = [];
  map.set(key, list);
  return list;
}
