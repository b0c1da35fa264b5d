// Our own labels: `tidegate.host=shop.example.com`, and every setting of a route or service by its YAML name.
// What is not ours to know (`timeouts.response`) is passed on as it is, to be checked like the file.

import type { Note } from "../../config/finding.ts";
import { parseFlowYaml } from "../../config/flow-yaml.ts";
import { labelBounds } from "../../config/provider-limits.ts";
import { nearest } from "../../lib/nearest.ts";
import type { Workload } from "../workload.ts";
import { splitHost } from "./default-host.ts";
import { ownName } from "./naming.ts";
import { fault, hint, shown, warning } from "./note.ts";
import { isOwnPlace, placeKeys, readOwnPlace, withoutPlace } from "./own-place.ts";
import type { Gateway } from "./own-place.ts";
import { SettingTree } from "./setting-tree.ts";
import type { Wish, WishedService, WishOptions, WishReader } from "./wish.ts";

/** Keys that are not a route's; what somebody probably meant when a key is unknown. */
export const ownKeys = [
  ...["enable", "host", "path", "rule", "port", "scheme", "weight", "tier", "network", "group"],
  ...["routes", "tcp", "service", "onDemand"],
  ...placeKeys,
] as const;

export const tidegateWishes: WishReader = (workload, options) => {
  const reader = new Reader(workload, options);
  const enable = reader.read();
  if (enable === false) return { wishes: [], notes: reader.notes, isRefused: true };
  if (enable === undefined && !options.exposedByDefault) {
    if (reader.isEmpty) return { wishes: [], notes: [], isRefused: false };
    const message = "has labels, and is not routed without tidegate.enable=true";
    return { wishes: [], notes: [...reader.notes, warning("", message)], isRefused: false };
  }
  return { wishes: reader.wishes(), notes: reader.notes, isRefused: false };
};

/** What the whole container says, for all its routes. */
interface Shared {
  readonly group: string;
  readonly weight: number;
  readonly tier: number;
  readonly network: string | undefined;
  readonly onDemand: unknown;
  readonly main: OwnService;
}

interface OwnService {
  readonly port: number | undefined;
  readonly scheme: string | undefined;
  /** Spoken to its port instead of HTTP. */
  readonly gateway: Gateway | undefined;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** One route with its own service keys, before anything is made of it. */
interface Part {
  readonly name: string;
  readonly kind: "http" | "tcp";
  /** Of its labels: `tidegate.`, `tidegate.routes.api.`. */
  readonly prefix: string;
  readonly tree: SettingTree;
}

class Reader {
  readonly notes: Note[] = [];
  readonly #workload: Workload;
  readonly #options: WishOptions;
  readonly #top: Part;
  readonly #parts = new Map<string, Part>();
  /** Nothing becomes of these. Of all, when it holds the top and what is wrong there is shared. */
  readonly #bad = new Set<Part>();
  #isAllBad = false;
  #saysMore = false;

  constructor(workload: Workload, options: WishOptions) {
    this.#workload = workload;
    this.#options = options;
    this.#top = { name: "", kind: "http", prefix: "tidegate.", tree: new SettingTree() };
  }

  /** Nothing but `tidegate.enable`, or not even that. */
  get isEmpty(): boolean {
    return !this.#saysMore;
  }

  /** What `tidegate.enable` says; undefined = nothing. */
  read(): boolean | undefined {
    for (const [label, value] of Object.entries(this.#workload.labels)) {
      if (!/^tidegate\./i.test(label)) continue;
      const steps = label.split(".").slice(1);
      this.#saysMore ||= steps.join(".").toLowerCase() !== "enable";
      if (steps.length <= labelBounds.depth + 3 && !steps.includes("")) {
        this.#put(steps, value, label);
        continue;
      }
      const remedy = "write tidegate.KEY, such as tidegate.host";
      this.#refuse(this.#top, label, "is no label that is known", remedy);
    }
    const label = this.#top.tree.label("enable") ?? "tidegate.enable";
    const enable = this.#top.tree.take("enable");
    if (enable === undefined) return undefined;
    const word = typeof enable === "string" ? enable.trim().toLowerCase() : "";
    if (word === "true" || word === "false") return word === "true";
    const remedy = "write true or false; until then it is not routed";
    this.notes.push(fault(label, `${shown(word)} is neither true nor false`, remedy));
    return false;
  }

  wishes(): Wish[] {
    const shared = this.#shared();
    if (this.#isAllBad) return [];
    const parts = [...this.#parts.values()].map((each) => this.#wish(each, routeOf(each), shared));
    const wishes = [this.#topWish(shared), ...parts].filter((wish) => wish !== undefined);
    if (wishes.length === 0 && this.notes.length === 0 && this.#saysMore) {
      this.notes.push(hint("", "has labels, and none of them says a host", "add tidegate.host"));
    }
    return wishes;
  }

  #put(steps: readonly string[], value: string, label: string): void {
    const [first = "", name, ...rest] = steps;
    const section = first.toLowerCase();
    if (section !== "routes" && section !== "tcp") {
      this.#keep(this.#top, steps, value, label);
      return;
    }
    if (name === undefined || rest.length === 0) {
      const remedy = `write tidegate.${section}.NAME.${section === "tcp" ? "sni" : "host"}`;
      this.#refuse(this.#top, label, "says no key of a route", remedy);
      return;
    }
    const id = `${section}.${name}`;
    const known = this.#parts.get(id);
    const prefix = `tidegate.${section}.${name}.`;
    const kind = section === "tcp" ? "tcp" : "http";
    const part = known ?? { name, kind, prefix, tree: new SettingTree() };
    if (known === undefined) this.#parts.set(id, part);
    this.#keep(part, rest, value, label);
  }

  #keep(part: Part, path: readonly string[], value: string, label: string): void {
    if (path.length === 1 && path[0]?.toLowerCase() === "service") {
      const remedy = "write tidegate.service.KEY for a setting, tidegate.group for a name";
      this.#refuse(part, label, "leads to the container itself, and takes no name or URL", remedy);
      return;
    }
    const note = part.tree.put(path, value, label);
    if (note === undefined) return;
    this.notes.push(note);
    this.#spoil(part, path[0] ?? "");
  }

  #shared(): Shared {
    const { tree } = this.#top;
    const said = this.#text(this.#top, "group");
    return {
      group: said === undefined || said === "" ? ownName(this.#workload) : said,
      weight: this.#number(this.#top, { name: "weight", least: 0, most: 1000 }) ?? 1,
      tier: this.#number(this.#top, { name: "tier", least: 0, most: 9 }) ?? 0,
      network: this.#text(this.#top, "network"),
      onDemand: tree.take("onDemand"),
      main: this.#service(this.#top),
    };
  }

  /** Takes the keys of the service out of the route's. */
  #service(part: Part): OwnService {
    const port = this.#number(part, { name: "port", least: 1, most: 65_535 });
    const scheme = this.#text(part, "scheme")?.toLowerCase();
    const settings = part.tree.take("service");
    const isMapping = typeof settings === "object" && settings !== null;
    const written = isMapping ? { ...settings } : {};
    const place = this.#place(part, written);
    const gateway = place?.gateway;
    const all = { ...withoutPlace(written), ...place?.settings };
    return { port: place?.port ?? port, scheme, gateway, settings: all };
  }

  /** Of its own files and programs: at the top of a part, or among the settings of its service. */
  #place(part: Part, written: Readonly<Record<string, unknown>>) {
    const said = new Map<string, { readonly value: unknown; readonly label: string }>();
    for (const key of placeKeys) {
      const label = labelBelow(part.tree, key) ?? labelBelow(part.tree, `service.${key}`);
      const inService = Object.entries(written).find(([name]) => name.toLowerCase() === key);
      const value = part.tree.take(key) ?? inService?.[1];
      if (value !== undefined) said.set(key, { value, label: label ?? `${part.prefix}${key}` });
    }
    if (said.size > 0 && part.kind === "tcp") {
      const [[, { label }] = ["", { label: "" }]] = said;
      this.#refuse(part, label, "is of requests, and this is a tcp route", "leave it out");
      return undefined;
    }
    const place = readOwnPlace(said, this.notes);
    if (place !== "bad") return place;
    this.#spoil(part, "service");
    return undefined;
  }

  #topWish(shared: Shared): Wish | undefined {
    const { tree } = this.#top;
    const route = routeOf(this.#top);
    if (tree.has("host") || tree.has("rule")) return this.#wish(this.#top, route, shared);
    const { defaultHost } = this.#options;
    // Other routes have names, so what is said at the top is said of all of them.
    if (tree.isEmpty && (this.#parts.size > 0 || !this.#saysMore)) return undefined;
    if (defaultHost !== undefined) {
      return this.#wish(this.#top, { ...splitHost(defaultHost), ...route }, shared);
    }
    const [name] = Object.keys(route);
    if (name === undefined) return undefined;
    const label = labelBelow(tree, name) ?? `tidegate.${name}`;
    const near = nearest(name, ownKeys);
    const isSlip = near !== undefined && near.toLowerCase() !== name.toLowerCase();
    const remedy = isSlip ? `write tidegate.${near}, or add tidegate.host` : "add tidegate.host";
    this.#refuse(this.#top, label, "is said of a route that has no host", remedy);
    return undefined;
  }

  #wish(part: Part, route: Readonly<Record<string, unknown>>, shared: Shared): Wish | undefined {
    const isTop = part === this.#top;
    const { main, group, weight, tier, network, onDemand } = shared;
    const own = isTop ? main : this.#service(part);
    const written = isTop ? route : routeOf(part);
    // The container's own port and settings do for a route that says none.
    const isHttp = part.kind === "http";
    const saysWhere = own.port ?? own.scheme;
    const saysOwn = (saysWhere ?? Object.keys(own.settings)[0]) !== undefined;
    const isOwn = !isTop && (saysOwn || !isHttp);
    const scheme = this.#scheme(part, own.scheme ?? (isHttp ? main.scheme : undefined));
    if (scheme === undefined || this.#bad.has(part)) return undefined;
    // A route to another port, or to other files, does not lead to those of the whole container as well.
    const isElsewhere = saysWhere !== undefined || isOwnPlace(own.settings);
    const common = isElsewhere ? withoutPlace(main.settings) : main.settings;
    const gateway = own.gateway ?? (isElsewhere || !isHttp ? undefined : main.gateway);
    const name = isTop ? group : `${group}-${part.name}`;
    const service: WishedService = {
      name: isOwn ? name : group,
      settings: isHttp ? { ...common, ...own.settings } : own.settings,
      port: own.port ?? main.port,
      scheme: gateway ?? scheme,
      basePath: "",
      weight,
      tier,
      network,
      onDemand,
    };
    return {
      dialect: "tidegate",
      kind: part.kind,
      name,
      route: written,
      service: answersItself(written) ? undefined : service,
      labels: labelsOf(part, this.#top),
    };
  }

  #scheme(part: Part, said: string | undefined): WishedService["scheme"] | undefined {
    const schemes = part.kind === "http" ? httpSchemes : tcpSchemes;
    const found = schemes.get(said ?? (part.kind === "http" ? "http" : "tcp"));
    if (found !== undefined) return found;
    const remedy = `write one of ${[...schemes.keys()].join(", ")}`;
    this.#refuse(part, `${part.prefix}scheme`, `${shown(said ?? "")} is no scheme here`, remedy);
    return undefined;
  }

  #number(
    part: Part,
    { name, least, most }: { readonly name: string; readonly least: number; readonly most: number },
  ): number | undefined {
    const said = this.#text(part, name);
    if (said === undefined) return undefined;
    const value = /^\d{1,9}$/.test(said) ? Number(said) : Number.NaN;
    if (value >= least && value <= most) return value;
    const remedy = `write a whole number from ${least} to ${most}`;
    this.#refuse(part, `${part.prefix}${name}`, `${shown(said)} is no ${name}`, remedy);
    return undefined;
  }

  #text(part: Part, name: string): string | undefined {
    const said = part.tree.take(name);
    if (said === undefined || typeof said === "string") return said?.trim();
    const label = labelBelow(part.tree, name) ?? `${part.prefix}${name}`;
    this.#refuse(part, label, `${name} takes one value, without keys below it`);
    return undefined;
  }

  #refuse(part: Part, label: string, message: string, remedy?: string): void {
    this.notes.push(fault(label, message, remedy));
    this.#spoil(part, label.slice(part.prefix.length).split(".")[0] ?? "");
  }

  #spoil(part: Part, key: string): void {
    this.#bad.add(part);
    if (part === this.#top && sharedKeys.has(key.toLowerCase())) this.#isAllBad = true;
  }
}

type Schemes = ReadonlyMap<string, WishedService["scheme"]>;

const httpSchemes: Schemes = new Map([
  ["http", "http"],
  ["https", "https"],
  ["h2c", "h2c"],
  // Of gRPC nothing is known but that it needs HTTP/2.
  ["grpc", "h2c"],
  ["grpcs", "grpcs"],
]);
const tcpSchemes: Schemes = new Map([
  ["tcp", "tcp"],
  ["tls", "tls"],
]);

/** At the top: what they say, they say for all routes. */
const sharedKeys = new Set([
  ...["port", "scheme", "weight", "tier", "network", "group", "service", "ondemand"],
  ...placeKeys,
]);

function labelBelow(tree: SettingTree, name: string): string | undefined {
  const wanted = name.toLowerCase();
  for (const [path, label] of tree.entries()) {
    if (path === wanted || path.startsWith(`${wanted}.`)) return label;
  }
  return undefined;
}

/** Keys where a comma parts values; in others it may be a part of the value. */
const lists = new Set(["host", "sni", "alpn", "clientip", "methods", "listener"]);

function routeOf({ tree }: Part): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(tree.value()).map(([name, value]) => {
      const isList = lists.has(name.toLowerCase()) && typeof value === "string";
      if (!isList || !value.includes(",") || value.trim().startsWith("[")) return [name, value];
      const items = value.split(",").map((each) => each.trim());
      return [name, items.filter((each) => each !== "")];
    }),
  );
}

function answersItself(route: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(route).some(([name, value]) => {
    const key = name.toLowerCase();
    if (key === "redirect") return isForAll(value);
    return key === "respond" || (key === "whoami" && value !== "false");
  });
}

/** With patterns alone, requests that none of them matches go on to the container. */
function isForAll(redirect: unknown): boolean {
  if (typeof redirect === "string") {
    if (redirect.trim() === "https") return false;
    if (!/^\s*[[{]/.test(redirect)) return true;
    const read = parseFlowYaml(redirect);
    // What is wrong with it the schema says.
    return read.kind === "bad" || typeof read.value === "string" || isForAll(read.value);
  }
  if (Array.isArray(redirect)) return redirect.some(isForAll);
  if (typeof redirect !== "object" || redirect === null) return true;
  return !Object.keys(redirect).some((key) => key.toLowerCase() === "pattern");
}

function labelsOf(part: Part, top: Part): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  for (const { tree } of part === top ? [top] : [top, part]) {
    for (const [path, label] of tree.entries()) {
      const isService = path.startsWith("service.");
      const isPlace = placeKeys.some((key) => path === key || path.startsWith(`${key}.`));
      if (isService) labels.set(path, label);
      else if (isPlace) labels.set(`service.${path}`, label);
      else if (tree === part.tree) labels.set(`route.${path}`, label);
    }
  }
  return labels;
}
