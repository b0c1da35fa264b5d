// What the steps of resolving share: the source, for places; the list that collects problems; and what
// must be known of the rest of the file.

import type { Listed } from "./middlewares/use.ts";
import type { NetworkSources } from "./network-sources.ts";
import type { Path, Problem } from "./problem.ts";
import { problemAt } from "./source.ts";
import type { Source } from "./source.ts";
import type { ClientTimeouts, ExchangeTimeouts, Listener, Origin } from "./snapshot.ts";
import type { Service } from "./service.ts";

export interface Context {
  readonly source: Source;
  /** Whose an item is, and where it says so. */
  readonly originOf: (path: Path) => Origin;
  /** Relative paths of files start here. */
  readonly baseFolder: string;
  readonly problems: Problem[];
  readonly timeouts: ClientTimeouts & ExchangeTimeouts;
  readonly trustedProxies: NetworkSources;
  readonly maxBody: number;
  /** Who writes what is being read; left out = the file. */
  readonly writer?: "item" | "label" | undefined;
  /** Sets of middlewares that may be named; left out = none. */
  readonly sets?: MiddlewareSets | undefined;
  /** Folder of middlewares that are named in lists by their files' names, absolute; left out = there is none. */
  readonly ownFolder?: string | undefined;
  /** Middlewares of the program that embeds this one: name in lists → what `inlineOf` finds it by. */
  readonly inline?: ReadonlyMap<string, string> | undefined;
  /** Of the route that is being resolved: its own `path`. */
  readonly ownPrefix?: string | undefined;
  /** Where https is spoken, if not at its usual port. */
  readonly securePort?: number | undefined;
  /** Names under `services`, also of those that are wrong themselves. */
  readonly serviceNames: ReadonlySet<string>;
  /** What may stand behind the @ of a service that is discovered. */
  readonly providerNames: ReadonlySet<string>;
  /** Of each of them, `lxc`, `redis` …; only where containers may be named. */
  readonly providerKinds: ReadonlyMap<string, string>;
  /** Who asks for all of this, `PROVIDER/NAME`: files and sockets are its own. undefined = nobody in particular. */
  readonly guest?: OwnGuest | undefined;
  /** Discovered services that need the requested host to know whom they lead to. */
  readonly addressedNames: ReadonlySet<string>;
  readonly services: Map<string, Service>;
  /** Where each of `services` is written. */
  readonly servicePaths: Map<string, Path>;
  /** What services grant their routes. */
  readonly serviceTimeouts: Map<string, Partial<ExchangeTimeouts>>;
  /** Who leads to a service from outside; looked at once all services are known. */
  readonly uses: ServiceUse[];
}

export interface MiddlewareSets {
  /** As they are to be written. */
  readonly names: readonly string[];
  /** undefined = there is none of this name. Without those of its middlewares that are wrong, which was reported. */
  find(name: string): readonly Listed[] | undefined;
}

/** A container that says of itself what is to be served. */
export interface OwnGuest {
  /** `PROVIDER/NAME`. */
  readonly name: string;
  /** Its IP addresses, IPv6 without brackets. */
  readonly addresses: readonly string[];
}

export interface ServiceUse {
  readonly service: string;
  readonly protocol: Listener["protocol"];
  /** Where it says so. */
  readonly path: Path;
}

type Fault = Parameters<typeof problemAt>[2];

export function report(
  context: Pick<Context, "source" | "problems">,
  path: Path,
  fault: Fault,
): void {
  context.problems.push(problemAt(context.source, path, fault));
}

export function originInFile(source: Source): Context["originOf"] {
  return (path) => {
    const { line, column } = source.keyAt(path);
    return { provider: "file", place: `${source.file}:${line}:${column}` };
  };
}

/** A copy without the keys that are undefined, so that it can be laid over defaults. */
export function given<T extends object>(
  value: T | undefined,
): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  const result: { [Name in keyof T]?: Exclude<T[Name], undefined> } = {};
  for (const name in value) {
    const each = value[name];
    if (isGiven(each)) result[name] = each;
  }
  return result;
}

export function isGiven<T>(value: T): value is Exclude<T, undefined> {
  return value !== undefined;
}
