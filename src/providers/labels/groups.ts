// Who belongs together: wishes for one service, and for one route, of those who share a scope. The oldest
// defines both; a younger one that says something else is told so.

import { isDeepStrictEqual } from "node:util";
import type { Note } from "../../config/finding.ts";
import type { DiscoverySettings } from "../../config/provider-settings.ts";
import type { Workload } from "../workload.ts";
import type { NamedWish } from "./definition.ts";
import { plainService } from "./default-host.ts";
import { Names } from "./naming.ts";
import type { Scope } from "./naming.ts";
import { warning } from "./note.ts";
import { isOwnPlace } from "./own-place.ts";
import type { Spoken } from "./spoken.ts";
import type { Wish, WishedService } from "./wish.ts";

/** A workload with all that was read of it. The same object as long as the workload is. */
export interface Entry {
  readonly workload: Workload;
  readonly scope: Scope;
  readonly spoken: Spoken;
  /** For a service of its own. */
  readonly plain: Wish;
}

/** What one of them contributes. */
export interface Part {
  readonly entry: Entry;
  readonly wish: Wish;
  readonly service: WishedService;
}

/** A route, and those who ask for it in the same words; the first is the oldest. */
export interface SharedRoute extends NamedWish {
  readonly entry: Entry;
  readonly sharers: Entry[];
}

export interface Group extends NamedWish {
  /** One for each workload, the oldest first. */
  readonly parts: Part[];
  readonly routes: SharedRoute[];
}

export interface Grouping {
  readonly groups: readonly Group[];
  /** Routes that answer by themselves. */
  readonly answers: readonly SharedRoute[];
  /** Names of services by the id of the workload that has it alone. */
  readonly plain: ReadonlyMap<string, string>;
  readonly notes: readonly (readonly [Entry, Note])[];
}

/** Of a workload alone, with what it says of its first service. */
export function plainWishOf(workload: Workload, { wishes }: Spoken): Wish {
  const first = wishes.find(
    ({ kind, service }) =>
      kind === "http" && service !== undefined && !isOwnPlace(service.settings),
  );
  const { name } = workload;
  return {
    dialect: first?.dialect,
    kind: "http",
    name,
    route: undefined,
    service: { ...(first?.service ?? plainService), name },
    labels: first?.labels ?? new Map(),
  };
}

/** @param entries the oldest first */
export function groupsOf(
  entries: readonly Entry[],
  settings: DiscoverySettings,
  { withPlainServices }: { readonly withPlainServices: boolean },
): Grouping {
  const sorter = new Sorter(settings);
  for (const entry of entries) for (const wish of entry.spoken.wishes) sorter.add(entry, wish);
  if (withPlainServices) for (const entry of entries) sorter.addPlain(entry);
  const { groups, answers, plain, notes } = sorter;
  return { groups: [...groups.values()], answers, plain, notes };
}

class Sorter implements Pick<Grouping, "answers" | "plain" | "notes"> {
  readonly groups = new Map<string, Group>();
  readonly answers: SharedRoute[] = [];
  readonly plain = new Map<string, string>();
  readonly notes: (readonly [Entry, Note])[] = [];
  readonly #routes = new Map<
    string,
    { readonly route: SharedRoute; readonly of: Group | undefined }
  >();
  readonly #serviceNames: Names;
  readonly #routeNames: Readonly<Record<Wish["kind"], Names>>;

  constructor({ name }: DiscoverySettings) {
    this.#serviceNames = new Names(name);
    this.#routeNames = { http: new Names(name), tcp: new Names(name) };
  }

  add(entry: Entry, wish: Wish): void {
    const { service } = wish;
    const group = service === undefined ? undefined : this.#group({ entry, wish, service });
    if (service !== undefined && group === undefined) return;
    if (wish.route !== undefined) this.#addRoute(entry, wish, group);
  }

  addPlain(entry: Entry): void {
    const { workload, plain: wish, scope } = entry;
    const { service } = wish;
    if (service === undefined) return;
    const own = this.groups.get(keyOf(scope, workload.name));
    if (own?.parts.length === 1 && own.parts[0]?.entry === entry && own.wish.kind === "http") {
      this.plain.set(workload.id, own.name);
      return;
    }
    const name = this.#serviceNames.take(scope.project, workload.name, workload);
    const part = { entry, wish, service };
    // No wish comes by the key of a plain service.
    this.groups.set(`plain ${workload.id}`, { name, wish, workload, parts: [part], routes: [] });
    this.plain.set(workload.id, name);
  }

  /** undefined after it noted that it cannot be one of them. */
  #group(part: Part): Group | undefined {
    const { entry, wish, service } = part;
    const { workload, scope } = entry;
    const key = keyOf(scope, service.name);
    const known = this.groups.get(key);
    if (known === undefined) {
      const name = this.#serviceNames.take(scope.project, service.name, workload);
      const group = { name, wish, workload, parts: [part], routes: [] };
      this.groups.set(key, group);
      return group;
    }
    const [first] = known.parts;
    if (known.wish.kind !== wish.kind) {
      const message = `${known.workload.name} has a ${known.wish.kind} service of this name, ${service.name}`;
      this.#note(entry, wish, message, "give one of them another name");
      return undefined;
    }
    if (!isDeepStrictEqual(first?.service.settings, service.settings)) {
      const message = `${known.workload.name}, which is older, says something else of the service ${service.name}, and that counts`;
      this.#note(entry, wish, message, "let all of a service say the same");
    }
    if (known.parts.at(-1)?.entry !== entry) known.parts.push(part);
    return known;
  }

  #addRoute(entry: Entry, wish: Wish, group: Group | undefined): void {
    const { workload, scope } = entry;
    const key = keyOf(scope, `${wish.kind} ${wish.name}`);
    const known = this.#routes.get(key);
    if (known === undefined) {
      const name = this.#routeNames[wish.kind].take(scope.project, wish.name, workload);
      const route = { name, wish, workload, entry, sharers: [entry] };
      this.#routes.set(key, { route, of: group });
      (group?.routes ?? this.answers).push(route);
      return;
    }
    const { route, of } = known;
    if (of === group && isDeepStrictEqual(route.wish.route, wish.route)) {
      if (route.sharers.at(-1) !== entry) route.sharers.push(entry);
      return;
    }
    const who = route.entry === entry ? "another label" : `${route.workload.name}, which is older,`;
    const message = `${who} says something else of the route ${wish.name}, and that counts`;
    this.#note(entry, wish, message, "give one of them another name");
  }

  #note(entry: Entry, { labels }: Wish, message: string, remedy: string): void {
    const about = labels.get("route.host") ?? labels.get("route.rule") ?? "";
    this.notes.push([entry, warning(about, message, remedy)]);
  }
}

function keyOf(scope: Scope, name: string): string {
  return `${scope.key} ${name}`;
}
