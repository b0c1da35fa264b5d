// A service as the file says it → as the Snapshot holds it: defaults filled in, files read, and what one
// key says held against the others. What needs to know of other services is in `service-graph.ts`.

import { extname } from "node:path";
import { given, report } from "./context.ts";
import type { Context } from "./context.ts";
import type { Scripts } from "./files.ts";
import { resolveList } from "./middlewares/list.ts";
import type { Path } from "./problem.ts";
import { resolveBackends } from "./resolve-backends.ts";
import type { BackendsWish } from "./resolve-backends.ts";
import { filesRootOf, resolveFiles } from "./resolve-files.ts";
import { resolveFailover, resolveMirror, resolveSplit } from "./resolve-group.ts";
import { resolveMaintenance } from "./resolve-health.ts";
import { resolveGuest } from "./resolve-premises.ts";
import { gatewayOf, withPreset } from "./service-preset.ts";
import { scriptsOf } from "./service-parts.ts";
import { commonServiceKeys, serviceKinds } from "./service-schema.ts";
import type { ServiceInput } from "./service-schema.ts";
import type { Service } from "./service.ts";

const kinds = [
  "backends",
  "split",
  "failover",
  "mirror",
  "files",
  "fastcgi",
  "scgi",
  "uwsgi",
] as const;

type Kind = (typeof kinds)[number];

/** Kinds that a preset says nothing about. */
const plainKinds = ["backends", "split", "failover", "mirror"] as const;

/** Also enters it among the services; undefined after it reported that it leads nowhere. */
export function resolveService(
  context: Context,
  name: string,
  input: ServiceInput,
  path: Path,
): Service | undefined {
  const whole = presetOver(context, input, path);
  context.servicePaths.set(name, path);
  context.serviceTimeouts.set(name, given(whole.timeouts));
  if (input.preset !== undefined && kinds.every((each) => whole[each] === undefined)) {
    const message = `preset ${input.preset} does not know where the program is`;
    const remedy = "add fastcgi, scgi or uwsgi: unix:/PATH or HOST:PORT; or files";
    report(context, [...path, "preset"], { message, remedy, at: "key" });
    return undefined;
  }
  const kind = kindOf(context, whole, path);
  const service =
    kind === undefined ? undefined : resolveKind(context, kind, { name, input: whole, path });
  if (service !== undefined) context.services.set(name, service);
  return service;
}

interface Named {
  readonly name: string;
  readonly input: ServiceInput;
  readonly path: Path;
}

function presetOver(context: Context, input: ServiceInput, path: Path): ServiceInput {
  const { preset, ...rest } = input;
  const other = plainKinds.find((each) => input[each] !== undefined);
  if (preset === undefined || other === undefined) return withPreset(input);
  const message = `preset is of a service with files or fastcgi, and this one has ${other}`;
  report(context, [...path, "preset"], { message, remedy: `leave out ${other}`, at: "key" });
  return rest;
}

function resolveKind(context: Context, kind: Kind, named: Named): Service {
  const { name, input, path } = named;
  const common = {
    name,
    origin: context.originOf(path),
    maintenance: resolveMaintenance(context, input.maintenance, [...path, "maintenance"]),
    ...middlewaresOf(context, input, path),
  };
  switch (kind) {
    case "backends":
    case "fastcgi":
    case "scgi":
    case "uwsgi": {
      const wish = { kind, guest: guestOf(context, named, kind), filesRoot: "" };
      return { ...common, kind: "backends", ...resolveBackends(context, input, wish, path) };
    }
    case "files":
      return { ...common, kind, ...resolveFilesAndScripts(context, named) };
    case "split":
      return { ...common, kind, ...resolveSplit(context, input, path) };
    case "failover":
      return { ...common, kind, ...resolveFailover(context, input, path) };
    case "mirror":
      return { ...common, kind, ...resolveMirror(context, input, path) };
  }
}

function middlewaresOf(
  context: Context,
  input: ServiceInput,
  path: Path,
): Pick<Service, "middlewares"> {
  const middlewares = resolveList(context, input.middlewares, [...path, "middlewares"]);
  return middlewares.length === 0 ? {} : { middlewares };
}

function guestOf(context: Context, { input, path }: Named, kind: Kind): string | undefined {
  // What labels make of a container's address has nothing to do with its files.
  if (kind === "backends" && input.container === undefined) return undefined;
  return resolveGuest(context, input.container, [...path, "container"]);
}

/** The program, if there is one, is a service of its own that nobody else leads to. */
function resolveFilesAndScripts(context: Context, named: Named) {
  const { name, path } = named;
  const { files = {}, ...input } = named.input;
  const guest = guestOf(context, named, "files");
  const isGuests = guest !== undefined || input.container !== undefined;
  const root = filesRootOf(context, files, isGuests, path);
  const speaks = gatewayOf(input);
  if (speaks === undefined) {
    const wish = { input: files, guest, root, scripts: undefined, isForAll: false };
    return resolveFiles(context, wish, path);
  }
  const service = scriptsOf(name);
  const wish: BackendsWish = { kind: speaks, guest, filesRoot: root };
  const own = resolveBackends(context, input, wish, path);
  const origin = context.originOf(path);
  context.servicePaths.set(service, [...path, speaks]);
  context.services.set(service, {
    ...{ name: service, kind: "backends", origin, maintenance: undefined },
    ...own,
  });
  const { extensions = [], script = "" } = own.gateway ?? {};
  // Who answers every path by one script has others beside it that are no less sources.
  const endings = new Set([
    ...extensions,
    ...(script === "" ? [] : [extname(script).toLowerCase()]),
  ]);
  endings.delete("");
  const scripts: Scripts = {
    service,
    extensions: [...endings],
    neverIn: input[speaks]?.neverIn ?? [],
  };
  const isForAll = extensions.length === 0;
  return resolveFiles(context, { input: files, guest, root, scripts, isForAll }, path);
}

function kindOf(context: Context, input: ServiceInput, path: Path): Kind | undefined {
  const [kind, ...others] = kinds.filter((each) => input[each] !== undefined);
  if (kind === undefined) {
    const remedy = "add backends, files, fastcgi, split, failover or mirror";
    report(context, path, { message: "the service leads nowhere", remedy, at: "key" });
    return undefined;
  }
  const program = kind === "files" ? gatewayOf(input) : undefined;
  const more = others.filter((each) => each !== program);
  for (const other of more) {
    const message = `the service leads to ${kind} already`;
    const remedy =
      kind === "backends" && other === "files"
        ? 'make a service of the backends, and write files: { try: [$path, "@SERVICE"] }'
        : "leave out one of them";
    report(context, [...path, other], { message, remedy, at: "key" });
  }
  checkKeys(context, [kind, ...(program === undefined ? [] : [program])], more, input, path);
  return kind;
}

function checkKeys(
  context: Context,
  own: readonly Kind[],
  more: readonly Kind[],
  input: ServiceInput,
  path: Path,
): void {
  const known = new Set<string>([
    ...own.flatMap((each) => [...serviceKinds[each]]),
    ...commonServiceKeys,
    ...more,
  ]);
  for (const [key, value] of Object.entries(input)) {
    if (value === undefined || known.has(key)) continue;
    const owners = kinds
      .filter((each) => serviceKinds[each].some((one) => one === key))
      .slice(0, 2)
      .filter((each) => each !== "fastcgi");
    const message = `${key} is of a service with ${owners.join(" or ")}, and this one has ${own[0]}`;
    const isBelow = owners[0] === "backends" && own[0] !== "files";
    const remedy = isBelow ? "say it in the services it leads to" : "leave it out";
    report(context, [...path, key], { message, remedy, at: "key" });
  }
}
