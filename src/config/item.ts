// One thing of the configuration that is kept by itself outside the file: in the store, in Redis, in etcd. What
// it may say is what stands under its name in the file.

export const itemSections = [
  "routes",
  "tcpRoutes",
  "services",
  "overlays",
  "certificates",
] as const;

/**
 * `overlays`: keys of a route that change one somebody else wrote; their name is that route's. `certificates`: PEM
 * texts, where the file has paths of them.
 */
export type ItemSection = (typeof itemSections)[number];

/** Those that stand in the file, too. */
export type FileSection = Exclude<ItemSection, "overlays" | "certificates">;

/** Stands in the place of a provider's name for what is kept in the store of the program itself. */
export const storeSource = "store";

export interface Item {
  readonly section: ItemSection;
  /** Without `@`, except an overlay's. */
  readonly name: string;
  readonly value: unknown;
  /** Where it is kept, for people: `key tidegate:routes:web`. */
  readonly place: string;
}

/** undefined = it can be one; else what is wrong with it. */
export function badItemName(section: ItemSection, name: string): string | undefined {
  const shown = JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);
  if (name === "" || name === "__proto__") return `${shown} cannot be a name`;
  if (name.length > 253) return `${shown} is longer than 253 characters`;
  if (/[\s\p{Cc}]/u.test(name)) return `${shown} has a space or a control character`;
  // It would be another name once it was written to a disk.
  if (!name.isWellFormed()) return `${shown} has half a character`;
  if (section === "services" && name.startsWith("route/")) {
    return `${shown}: what begins with route/ is a service that stands in a route; choose another name`;
  }
  if (section !== "overlays" && name.includes("@")) {
    return `${shown}: a name with @ belongs to a provider; leave out the @`;
  }
  return undefined;
}
