// Which of the providers have something to ask on this machine: for a start without a configuration file. A
// socket counts when somebody accepts there, since files of daemons that are gone stay behind.

import { constants } from "node:fs";
import { access, lstat, readdir, realpath } from "node:fs/promises";
import { connect, type NetConnectOpts } from "node:net";
import { delimiter, join } from "node:path";
import { daemonSearch } from "../config/provider-limits.ts";
import { isPlatform } from "../config/provider-settings.ts";
import type {
  LibvirtSettings,
  PlatformSettings,
  ProviderSettings,
} from "../config/provider-settings.ts";

export interface SearchOptions {
  /** Folders of programs, as in PATH. */
  readonly path?: string | undefined;
  /** Where libvirt's daemons have their sockets. */
  readonly libvirtFolder?: string;
}

/** Those that are there and that we may use, in the given order. Says nothing and never rejects. */
export async function foundProviders<Settings extends ProviderSettings>(
  candidates: readonly Settings[],
  { path = process.env["PATH"], libvirtFolder = "/run/libvirt" }: SearchOptions = {},
): Promise<readonly Settings[]> {
  const search = { path, libvirtFolder };
  const places = await Promise.all(
    candidates.map(async (each) =>
      isPlatform(each) ? placeOf(each, search).catch(() => undefined) : undefined,
    ),
  );
  // One daemon may have two names: Podman's socket is often linked to where Docker's would be. Whoever has
  // the real one is asked.
  const owners = new Map<string, number>();
  for (const [at, place] of places.entries()) {
    if (place === undefined) continue;
    const owner = places[owners.get(place.real) ?? -1];
    if (owner === undefined || (owner.isLink && !place.isLink)) owners.set(place.real, at);
  }
  const found = new Set(owners.values());
  return candidates.filter((_, at) => found.has(at));
}

type Search = Required<SearchOptions>;

interface Place {
  readonly real: string;
  /** Only its last part: `/var/run` is a link to `/run` everywhere. */
  readonly isLink: boolean;
}

/** Where it was found; undefined = it was not. */
async function placeOf(settings: PlatformSettings, search: Search): Promise<Place | undefined> {
  switch (settings.kind) {
    case "docker":
    case "podman": {
      const { endpoint } = settings;
      if (endpoint.kind === "unix") return openSocket(endpoint.path);
      const { host, port } = endpoint;
      return (await accepts({ host, port }))
        ? { real: `${host} ${port}`, isLink: false }
        : undefined;
    }
    case "incus":
    case "lxd":
      return openSocket(settings.socket);
    case "lxc":
      for (const path of settings.paths) if (await hasContainers(path)) return fileAt(path);
      return undefined;
    case "libvirt":
      return libvirtPlace(settings, search);
  }
}

async function openSocket(path: string): Promise<Place | undefined> {
  return (await accepts({ path })) ? fileAt(path) : undefined;
}

async function fileAt(path: string): Promise<Place> {
  const [real, status] = await Promise.all([realpath(path), lstat(path)]);
  return { real, isLink: status.isSymbolicLink() };
}

function accepts(place: NetConnectOpts): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(place);
  const timer = setTimeout(() => resolve(false), daemonSearch.probeTimeout);
  socket.on("connect", () => resolve(true));
  socket.on("error", () => resolve(false));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

async function hasContainers(folder: string): Promise<boolean> {
  // Not there, or not for us: both mean that there is nothing to be seen.
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (!entry.isDirectory()) continue;
    if (await isUsable(join(folder, entry.name, "config"), constants.R_OK)) return true;
  }
  return false;
}

/** It is asked by its own program, over the socket of one daemon for all or of one for each driver. */
async function libvirtPlace(
  { uris }: LibvirtSettings,
  { path = "", libvirtFolder }: Search,
): Promise<Place | undefined> {
  const folders = path.split(delimiter).filter((each) => each !== "");
  const programs = await Promise.all(
    folders.map((each) => isUsable(join(each, "virsh"), constants.X_OK)),
  );
  if (!programs.includes(true)) return undefined;
  const drivers = uris.map((uri) => /^[a-z]+/.exec(uri)?.[0] ?? "");
  for (const name of ["libvirt-sock", ...drivers.map((driver) => `virt${driver}d-sock`)]) {
    const place = await openSocket(join(libvirtFolder, name));
    if (place !== undefined) return place;
  }
  return undefined;
}

async function isUsable(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false, // the same
  );
}
