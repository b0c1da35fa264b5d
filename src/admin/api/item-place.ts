// Where an item is: under which name it is asked for, and whether it is one of the store.

import type { ItemSection } from "../../config/item.ts";
import type { Configuration, ItemRow } from "../configuration.ts";
import { refused, type Reply } from "./reply.ts";

const own = "@store";

export const words: Readonly<
  Record<ItemSection, { readonly one: string; readonly many: string; readonly a: string }>
> = {
  routes: { one: "route", many: "routes", a: "a route" },
  tcpRoutes: { one: "tcp route", many: "tcp routes", a: "a tcp route" },
  services: { one: "service", many: "services", a: "a service" },
  overlays: { one: "overlay", many: "overlays", a: "an overlay" },
  certificates: { one: "certificate", many: "certificates", a: "a certificate" },
};

/** An overlay is called like the route that it changes, which may be one of the store. */
export function bareName(section: ItemSection, name: string): string {
  return section !== "overlays" && name.endsWith(own) ? name.slice(0, -own.length) : name;
}

export function storedRow(
  configuration: Configuration,
  section: ItemSection,
  asked: string,
): ItemRow | undefined {
  const name = bareName(section, asked);
  const row = configuration.row(section, section === "overlays" ? name : `${name}${own}`);
  return row?.source === "store" ? row : undefined;
}

export function missing(section: ItemSection, name: string): Reply {
  return refused(404, { detail: `there is no ${words[section].one} ${JSON.stringify(name)}` });
}
