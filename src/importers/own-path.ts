// Paths of this machine that lead into a container, as they are written by hand in front of LXC: whose they are, and what
// the container itself calls them.

import type { Settings } from "./outline.ts";

export interface OwnPath {
  /** `PROVIDER/NAME`; undefined = it is this machine's. */
  readonly container: string | undefined;
  readonly path: string;
}

const places: readonly (readonly [RegExp, string])[] = [
  [/^\/var\/lib\/lxc\/([\w][\w.-]*)\/rootfs(\/.*)?$/, "lxc"],
  [
    /^\/var\/lib\/incus\/(?:storage-pools\/[^/]+\/)?containers\/([\w][\w.-]*)\/rootfs(\/.*)?$/,
    "incus",
  ],
  [
    /^\/var\/(?:lib|snap\/lxd\/common)\/lxd\/(?:storage-pools\/[^/]+\/)?containers\/([\w][\w.-]*)\/rootfs(\/.*)?$/,
    "lxd",
  ],
];

/** @param text absolute; repeated slashes and one at the end are taken away */
export function ownPath(text: string): OwnPath {
  const path = trimmed(text);
  for (const [pattern, provider] of places) {
    const [, name, inner] = pattern.exec(path) ?? [];
    // What goes up again is nobody's own.
    if (name === undefined || /\/\.\.(\/|$)/.test(path)) continue;
    return { container: `${provider}/${name}`, path: trimmed(inner ?? "/") };
  }
  return { container: undefined, path };
}

function trimmed(path: string): string {
  return path.replaceAll(/\/{2,}/g, "/").replace(/(?<=.)\/$/, "");
}

/**
 * `backends` whose sockets are in a container are said in its own paths, where all of them are in one.
 * undefined = they are in several, or also elsewhere.
 */
export function withContainer(
  urls: readonly string[],
): { readonly container: string | undefined; readonly urls: readonly string[] } | undefined {
  const containers = new Set<string | undefined>();
  const changed = urls.map((url) => {
    const [, scheme, socket] = /^((?:\w+:\/\/)?unix:)(\/.*)$/.exec(url) ?? [];
    if (scheme === undefined || socket === undefined) return url;
    const own = ownPath(socket);
    containers.add(own.container);
    return `${scheme}${own.path}`;
  });
  if (containers.size > 1) return undefined;
  const [container] = containers;
  return container === undefined ? { container, urls } : { container, urls: changed };
}

export function containerKey(container: string | undefined): Settings {
  return container === undefined ? {} : { container };
}
