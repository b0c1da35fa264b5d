// From what was written under `providers` to settings that are complete: names made and told apart, files of
// certificates read, defaults that depend on the machine looked up.

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { normaliseHost } from "../lib/host.ts";
import { report } from "./context.ts";
import type { Context } from "./context.ts";
import { missingGroup } from "./pattern.ts";
import { authoritiesOf, pairOf } from "./pem.ts";
import type { Path } from "./problem.ts";
import { parseEndpoint } from "./provider-endpoint.ts";
import { addressedName, dialects } from "./provider-settings.ts";
import type { ByAddress, Dialect, DiscoverySettings, DockerSettings } from "./provider-settings.ts";
import type {
  Endpoint,
  NameRewrite,
  ProviderSettings,
  RouteDefaults,
} from "./provider-settings.ts";
import { kinds } from "./providers-schema.ts";
import type { CommonInput, EngineInput, Kind, LxcInput } from "./providers-schema.ts";
import type { ProvidersInput } from "./providers-schema.ts";
import { resolveSources } from "./resolve-sources.ts";
import { dataAt } from "./source.ts";
import { sourceKinds } from "./sources-schema.ts";

/** Names of all that are switched on, also of those that are wrong otherwise: routes may lead there. */
export function providerNames(section: unknown): ReadonlySet<string> {
  return new Set(itemsOf(section).map(({ name }) => name));
}

/** What each of them is. */
export function providerKinds(section: unknown): ReadonlyMap<string, string> {
  return new Map(itemsOf(section).map(({ name, kind }) => [name, kind]));
}

/** Services of those that serve by address. */
export function addressedNames(section: unknown): ReadonlySet<string> {
  const addressed = itemsOf(section).filter(({ kind, item }) => {
    const said: unknown = typeof item === "object" ? Reflect.get(item ?? {}, "byAddress") : false;
    return kind === "lxc" && said !== undefined && said !== false;
  });
  return new Set(addressed.map(({ name }) => addressedName(name)));
}

function itemsOf(section: unknown) {
  if (typeof section !== "object" || section === null) return [];
  return Object.entries(section).flatMap(([kind, value]) => {
    const items: readonly unknown[] = Array.isArray(value) ? value : [value];
    return items
      .filter((item) => item !== false && item !== null)
      .map((item) => {
        const name: unknown =
          typeof item === "object" ? Reflect.get(item ?? {}, "name") : undefined;
        return { kind, item, name: typeof name === "string" ? name : kind };
      });
  });
}

interface Item {
  readonly kind: Kind;
  readonly path: Path;
  readonly common: DiscoverySettings;
}

export function resolveProviders(
  context: Context,
  input: ProvidersInput | undefined,
  defaults: RouteDefaults,
): ProviderSettings[] {
  if (input === undefined) return [];
  const owners = new Map<string, Path>();
  // As written, and not as the schema has them: the order is that of trust.
  const written = Object.keys(Object(dataAt(context.source, ["providers"])));
  const order = [...kinds, ...sourceKinds].toSorted(
    (a, b) => written.indexOf(a) - written.indexOf(b),
  );
  return order.flatMap((kind): ProviderSettings[] => {
    const isList = Array.isArray(dataAt(context.source, ["providers", kind]));
    const all: readonly { readonly name?: string | undefined }[] = input[kind] ?? [];
    const paths = all.map(({ name }, index) => {
      const path = ["providers", kind, ...(isList ? [index] : [])];
      checkName(context, { kind, path, name, isOne: all.length === 1 }, owners);
      return path;
    });
    const source = sourceKinds.find((each) => each === kind);
    if (source !== undefined) return resolveSources(context, source, input, { paths, defaults });
    const platform = kinds.find((each) => each === kind);
    return platform === undefined ? [] : platformsOf(context, platform, input, { paths, defaults });
  });
}

function platformsOf(
  context: Context,
  kind: Kind,
  input: ProvidersInput,
  { paths, defaults }: { readonly paths: readonly Path[]; readonly defaults: RouteDefaults },
): ProviderSettings[] {
  const all: readonly CommonInput[] = input[kind] ?? [];
  const items = paths.flatMap((path, index): Item[] => {
    const one = all[index];
    if (one === undefined) return [];
    return [{ kind, path, common: commonOf(context, kind, one, path, defaults) }];
  });
  return settingsOf(context, kind, input, items);
}

function settingsOf(
  context: Context,
  kind: Kind,
  input: ProvidersInput,
  items: readonly Item[],
): ProviderSettings[] {
  const each = <Input, Own>(inputs: readonly Input[] = [], own: (one: Input, path: Path) => Own) =>
    items.flatMap(({ common, path }, index) => {
      const one = inputs[index];
      return one === undefined ? [] : [{ ...common, ...own(one, path) }];
    });
  const place = (path: string) => resolve(context.baseFolder, path);
  switch (kind) {
    case "docker":
    case "podman":
      return each(input[kind], (one, path) => ({ kind, ...engineOf(context, kind, one, path) }));
    case "lxc":
      return each(input.lxc, (one, path) => ({
        kind,
        paths: (one.paths ?? ["/var/lib/lxc"]).map(place),
        byAddress: byAddressOf(context, one.byAddress, [...path, "byAddress"]),
      }));
    case "incus":
    case "lxd":
      return each(input[kind], ({ socket, projects }) => ({
        kind,
        socket: socket === undefined ? usualSocket(kind) : place(socket),
        projects,
      }));
    case "libvirt":
      return each(input.libvirt, ({ uris }) => ({ kind, uris: uris ?? ["qemu:///system"] }));
  }
}

interface Named {
  readonly kind: string;
  readonly path: Path;
  readonly name: string | undefined;
  readonly isOne: boolean;
}

function checkName(
  context: Context,
  { kind, path, name, isOne }: Named,
  owners: Map<string, Path>,
): void {
  if (name === undefined && !isOne) {
    const message = `there are several of ${kind}, so each needs a name`;
    report(context, path, { message, remedy: "add name", at: "key" });
    return;
  }
  const own = name ?? kind;
  if (owners.has(own)) {
    const message = `there is a provider called ${own} already`;
    report(context, path, { message, remedy: "give one of them another name", at: "key" });
  }
  owners.set(own, path);
}

function commonOf(
  context: Context,
  kind: Kind,
  input: CommonInput,
  path: Path,
  defaults: RouteDefaults,
): DiscoverySettings {
  const isDocker = kind === "docker" || kind === "podman";
  const isSingle = kind === "lxc" || kind === "libvirt";
  const usual: readonly Dialect[] = isDocker ? dialects : ["tidegate", "hostname"];
  return {
    name: input.name ?? kind,
    place: context.originOf(path).place,
    hosts: input.hosts?.includes("*") === true ? undefined : input.hosts,
    owner: input.owner ?? (isSingle ? "instance" : "project"),
    dialects: [...new Set(input.dialects ?? usual)],
    defaultHost: input.defaultHost,
    port: input.port ?? (isDocker ? undefined : 80),
    mayStart: input.mayStart ?? false,
    defaults,
  };
}

type OwnEngine = Omit<DockerSettings, keyof DiscoverySettings | "kind">;

function engineOf(
  context: Context,
  kind: "docker" | "podman",
  input: EngineInput,
  path: Path,
): OwnEngine {
  const endpoint = input.endpoint ?? usualEndpoint(context, kind, path);
  return {
    endpoint: withTls(context, endpoint, input.tls, [...path, "tls"]),
    network: input.network,
    publishedHost: input.publishedHost?.replace(/^\[(.*)\]$/, "$1"),
    exposedByDefault: input.exposedByDefault ?? true,
  };
}

function usualEndpoint(context: Context, kind: "docker" | "podman", path: Path): Endpoint {
  if (kind === "podman") return { kind: "unix", path: "/run/podman/podman.sock" };
  const usual = { kind: "unix", path: "/var/run/docker.sock" } as const;
  const text = process.env["DOCKER_HOST"] ?? "";
  if (text === "") return usual;
  // Not an error: nobody wrote it here, and a start without a file must not fail for it.
  const refuse = (message: string) => {
    const remedy = "write endpoint";
    const full = `the environment says DOCKER_HOST=${text}: ${message}; ${usual.path} is asked instead`;
    report(context, path, { message: full, remedy, at: "key", severity: "warning" });
    return undefined;
  };
  return parseEndpoint(text, refuse) ?? usual;
}

function withTls(
  context: Context,
  endpoint: Endpoint,
  input: EngineInput["tls"],
  path: Path,
): Endpoint {
  if (input === undefined) return endpoint;
  if (endpoint.kind === "unix") {
    const message = "a unix socket is not spoken TLS to";
    report(context, path, { message, remedy: "write endpoint: tcp://HOST:2376", at: "key" });
    return endpoint;
  }
  const { ca, cert, key } = input;
  const authorities = ca === undefined ? undefined : authoritiesOf(context, ca, [...path, "ca"]);
  const noPair = { certificate: undefined, key: undefined };
  if (cert !== undefined && key !== undefined) {
    const pair = pairOf(context, { cert, key }, path) ?? noPair;
    return { ...endpoint, tls: { ca: authorities, ...pair } };
  }
  if (cert !== undefined || key !== undefined) {
    const [there, missing] = cert === undefined ? ["key", "cert"] : ["cert", "key"];
    const message = `${there} says nothing without ${missing}`;
    report(context, path, { message, remedy: `add ${missing}`, at: "key" });
  }
  return { ...endpoint, tls: { ca: authorities, ...noPair } };
}

function byAddressOf(
  context: Context,
  input: LxcInput["byAddress"],
  path: Path,
): ByAddress | undefined {
  if (input === undefined) return undefined;
  const rewrites = (input.rewrites ?? []).flatMap((each, index): NameRewrite[] => {
    const at = [...path, "rewrites", index];
    const { from, pattern, to } = each;
    if ((from === undefined) === (pattern === undefined)) {
      const message = "must have one of from and pattern";
      report(context, at, { message, remedy: "write { from: a.test, to: b.test }" });
      return [];
    }
    if (pattern !== undefined) {
      const missing = missingGroup(pattern, to);
      if (missing !== undefined) {
        report(context, [...at, "to"], { message: missing, remedy: "put it in ( )" });
      }
      return [{ kind: "pattern", ...pattern, to }];
    }
    const target = normaliseHost(to);
    if (target === undefined) {
      const message = `${JSON.stringify(to)} is not a host name`;
      report(context, [...at, "to"], { message, remedy: "for $1, write pattern instead of from" });
    }
    return target === undefined || from === undefined ? [] : [{ kind: "exact", from, to: target }];
  });
  return { rewrites, nameInPathOf: input.nameInPathOf };
}

function usualSocket(kind: "incus" | "lxd"): string {
  if (kind === "incus") return "/var/lib/incus/unix.socket";
  // Of the snap, as nearly everybody has it, unless only Debian's package is there.
  const snap = "/var/snap/lxd/common/lxd/unix.socket";
  const plain = "/var/lib/lxd/unix.socket";
  return !existsSync(snap) && existsSync(plain) ? plain : snap;
}
