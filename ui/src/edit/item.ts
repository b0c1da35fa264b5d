// Items: routes, tcp routes, services and overlays as the API has them, and how they are written there.

import { ApiProblem, get, send } from "../api/client.ts";

export type Section = "routes" | "tcpRoutes" | "services" | "overlays";

export type Mapping = Readonly<Record<string, unknown>>;

export interface Item {
  readonly section: Section;
  /** With `@store` when it is kept there. */
  readonly name: string;
  readonly source: string;
  readonly place: string;
  /** null = it cannot be changed here. */
  readonly revision: number | null;
  readonly notes: readonly string[];
  readonly value: unknown;
}

export interface ChangedItem {
  readonly section: string;
  readonly name: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

export interface ChangeResult {
  readonly revision: number;
  readonly changed: readonly ChangedItem[];
  /** Conflicts, refusals and warnings. */
  readonly notes: readonly string[];
}

export const sectionWords: Readonly<Record<Section, string>> = {
  routes: "route",
  tcpRoutes: "TCP route",
  services: "service",
  overlays: "overlay",
};

export function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A single value, as it is written. */
export function scalarText(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

/** As it is asked for: what an overlay is called is the full name of its route. */
export function plainName({ section, name }: Pick<Item, "section" | "name">): string {
  return section === "overlays" ? name : name.replace(/@store$/, "");
}

export function itemPath(section: string, name: string): string {
  return `/v1/${section}/${encodeURIComponent(name)}`;
}

/** All pages of them. */
export async function allItems(section: Section, signal?: AbortSignal): Promise<readonly Item[]> {
  const all: Item[] = [];
  const options = signal === undefined ? {} : { signal };
  for (let cursor = ""; ;) {
    const path = `/v1/${section}?limit=1000${cursor}`;
    const page = await get<{ items: readonly Item[]; next: string | null }>(path, options);
    all.push(...page.items);
    if (page.next === null) return all;
    cursor = `&cursor=${encodeURIComponent(page.next)}`;
  }
}

/** The short forms, a URL or a list of them, written out. */
export function writtenOut(section: Section, value: unknown): Mapping {
  if (isMapping(value)) return value;
  if (value === undefined || value === null) return {};
  if (section === "services") return { backends: Array.isArray(value) ? value : [value] };
  return { service: value };
}

/** As it was: what was short and still can be stays so, and is no difference. */
export function asBefore(section: Section, value: Mapping, before: unknown): unknown {
  if (before === undefined || before === null || isMapping(before)) return value;
  const written = writtenOut(section, before);
  const isSame = JSON.stringify(written) === JSON.stringify(value);
  return isSame ? before : value;
}

interface HistoryHead {
  readonly revision: number;
}

/** Takes back what made this revision, unless more was changed since. */
export async function undo(revision: number): Promise<void> {
  const head = await get<HistoryHead>("/v1/history?limit=1");
  if (head.revision !== revision) {
    throw new ApiProblem(
      412,
      "More was changed since: take it back in the history, where you see what goes with it.",
      [],
    );
  }
  await send("POST", "/v1/rollback", { to: revision - 1, note: `undo of ${revision}` });
}
