// Whose paths a service speaks of: a container, looked for among the providers, or this machine. Also what gives away
// that a path of this machine is one of a container.

import { nearest } from "../lib/nearest.ts";
import { report } from "./context.ts";
import type { Context } from "./context.ts";
import type { Path } from "./problem.ts";
import { platformKinds } from "./provider-settings.ts";

/** Kinds of providers that have containers with files. */
const kindsWithFiles: readonly string[] = platformKinds.filter((each) => each !== "libvirt");

/** The container as it is called everywhere; undefined = this machine, or what is wrong was reported. */
export function resolveGuest(
  context: Context,
  container: string | undefined,
  path: Path,
): string | undefined {
  // Whoever speaks of itself says so by speaking.
  if (context.guest !== undefined) return context.guest.name;
  if (container === undefined) return undefined;
  const provider = container.slice(0, container.indexOf("/"));
  const kind = context.providerKinds.get(provider);
  if (kind === undefined) {
    const known = [...context.providerKinds].filter(([, each]) => kindsWithFiles.includes(each));
    const names = known.map(([name]) => name);
    const isKind = kindsWithFiles.includes(provider);
    const near = isKind
      ? undefined
      : (nearest(provider, names) ?? nearest(provider, kindsWithFiles));
    const add = `add providers: { ${isKind ? provider : "lxc"}: true }`;
    const remedy =
      near !== undefined
        ? `write ${near}${container.slice(provider.length)}`
        : names.length === 0 || isKind
          ? add
          : `write ${names.join(" or ")} before the slash, or ${add}`;
    report(context, path, { message: `there is no provider ${JSON.stringify(provider)}`, remedy });
    return undefined;
  }
  if (kindsWithFiles.includes(kind)) return container;
  const message =
    kind === "libvirt"
      ? `${provider} has virtual machines, whose files cannot be seen from here`
      : `${provider} is a provider of kind ${kind}, which has no containers`;
  const remedy =
    kind === "libvirt"
      ? "let a web server inside answer, or speak fastcgi to HOST:PORT without container"
      : `name one of kind ${kindsWithFiles.join(", ")}`;
  report(context, path, { message, remedy });
  return undefined;
}

/** Where platforms keep the roots of containers: whoever writes one down believes every link in it. */
const rootsOfGuests: readonly {
  readonly pattern: RegExp;
  readonly platform: string | undefined;
}[] = [
  { pattern: /^\/var\/lib\/lxc\/([^/]+)\/(?:rootfs|delta\d*)(\/.*)?$/, platform: "lxc" },
  { pattern: /\/lxc\/([^/]+)\/rootfs(\/.*)?$/, platform: "lxc" },
  { pattern: /^\/var\/lib\/incus\/.*\/containers\/([^/]+)\/rootfs(\/.*)?$/, platform: "incus" },
  {
    pattern: /^\/var\/(?:snap\/lxd\/common\/lxd|lib\/lxd)\/.*\/containers\/([^/]+)\/rootfs(\/.*)?$/,
    platform: "lxd",
  },
  {
    pattern: /^\/var\/lib\/docker\/overlay2\/()[^/]+\/(?:merged|diff)(\/.*)?$/,
    platform: "docker",
  },
  { pattern: /^\/proc\/()\d+\/root(\/.*)?$/, platform: undefined },
];

/** Warns of a path of this machine that leads into a container. @param what `files` or `fastcgi` … */
export function warnOfGuestPath(context: Context, path: Path, place: string, prefix = ""): void {
  for (const { pattern, platform } of rootsOfGuests) {
    const [whole, name = "", inside] = pattern.exec(place) ?? [];
    if (whole === undefined) continue;
    const container = `${platform ?? "PROVIDER"}/${name === "" ? "NAME" : name}`;
    const message = `${place} is inside a container, which could make links there that lead out of it`;
    const remedy = `write container: ${container} and ${prefix}${inside ?? "/"}, which is its own path`;
    report(context, path, { message, remedy, severity: "warning" });
    return;
  }
}
