// What names files of this host. Its own file alone may say it: who can write to a database somewhere else could
// otherwise have files of this machine read and served, and requests led into its sockets: that of a container
// engine, or ours, which believes whoever gets there.

import { isGiven, report } from "./context.ts";
import type { Context } from "./context.ts";
import type { ItemSection } from "./item.ts";
import type { Path } from "./problem.ts";
import type { Service } from "./service.ts";
import { dataAt } from "./source.ts";

/** Whoever names a container reads all that is in it. */
const ofFiles: readonly Path[] = [
  ["container"],
  ["files"],
  ["preset"],
  ["fastcgi", "sendFiles"],
  ["scgi", "sendFiles"],
  ["uwsgi", "sendFiles"],
];

const ofService: readonly Path[] = [
  ...ofFiles,
  ["maintenance", "page"],
  ["tls", "ca"],
  ["tls", "cert"],
  ["tls", "key"],
];

const ofRoute: readonly Path[] = [
  ["errorPages"],
  ["errorLog"],
  ...ofFiles,
  ["accessLog", "path"],
  ["maintenance", "page"],
  ...ofService.map((path) => ["service", ...path]),
];

const banned: Readonly<Record<ItemSection, readonly Path[]>> = {
  routes: ofRoute,
  overlays: ofRoute,
  tcpRoutes: [["tls", "cert"], ["tls", "key"], ...ofService.map((path) => ["service", ...path])],
  services: ofService,
  certificates: [],
};

/** true after it reported one. */
export function refuseFiles(context: Context, section: ItemSection, path: Path): boolean {
  const at = (rest: Path) => dataAt(context.source, [...path, ...rest]);
  const found = banned[section].filter((rest) => isGiven(at(rest)));
  // The short form of a path.
  if (typeof at(["accessLog"]) === "string") found.push(["accessLog"]);
  for (const rest of found) {
    const [key] = rest.slice(-1);
    const message =
      key === "container"
        ? "names a container, whose files are then anybody's"
        : key === "preset"
          ? "names files of this host, as presets do"
          : "names a file of this host";
    const remedy = "say it in the configuration file, or leave it out";
    report(context, [...path, ...rest], { message, remedy, at: "key" });
  }
  return found.length > 0;
}

/**
 * Unix sockets are files of this host, and most ask nobody who connects: our own control socket, a container engine's.
 * Looked at when the service is read, since there are many ways to write one.
 */
export function refuseSockets(context: Context, service: Service, path: Path): void {
  if (service.kind !== "backends") return;
  for (const { address, url } of service.backends) {
    if (address.kind !== "unix") continue;
    const message = `${url} is a file of this host`;
    const remedy = "make a service of it in the configuration file, and lead to NAME@file";
    report(context, path, { message, remedy, at: "key" });
  }
}
