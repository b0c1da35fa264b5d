// What stands in etcd under the prefix of a fleet. All names are written as in a URL, since those of backends
// have slashes in them:
//
//   nodes/NAME                    who is there; gone with its lease
//   dead/SERVICE/BACKEND          what traffic of somebody showed; gone when its time is over
//   orders/drain/SERVICE/BACKEND  what operators ordered
//   orders/maintenance/SERVICE
//   secret                        what cookies are made with

export interface Order {
  readonly kind: "drain" | "maintenance";
  readonly service: string;
  /** undefined = it is about the service. */
  readonly backend: string | undefined;
}

export type FleetKey =
  | { readonly kind: "node"; readonly name: string }
  | { readonly kind: "dead"; readonly service: string; readonly backend: string }
  | { readonly kind: "order"; readonly order: Order }
  | { readonly kind: "secret" };

export const secretKey = "secret";

export function nodeKey(name: string): string {
  return `nodes/${name}`;
}

export function deadKey(service: string, backend: string): string {
  return `dead/${encoded(service)}/${encoded(backend)}`;
}

export function orderKey({ kind, service, backend }: Order): string {
  const names = [service, ...(backend === undefined ? [] : [backend])].map(encoded);
  return `orders/${kind}/${names.join("/")}`;
}

/** @param key without the prefix. undefined = none of ours */
export function readFleetKey(key: string): FleetKey | undefined {
  if (key === secretKey) return { kind: "secret" };
  const parts = key.split("/").map(decoded);
  const [folder = "", first = "", second = "", third = ""] = parts;
  if (parts.includes("")) return undefined;
  if (folder === "nodes" && parts.length === 2) return { kind: "node", name: first };
  if (folder === "dead" && parts.length === 3) {
    return { kind: "dead", service: first, backend: second };
  }
  if (folder !== "orders") return undefined;
  if (first === "maintenance" && parts.length === 3) {
    return { kind: "order", order: { kind: first, service: second, backend: undefined } };
  }
  if (first === "drain" && parts.length === 4) {
    return { kind: "order", order: { kind: first, service: second, backend: third } };
  }
  return undefined;
}

/** Half a character, which no URL can have, is nobody's name. */
function encoded(name: string): string {
  return encodeURIComponent(name.toWellFormed());
}

/** "" = nobody of ours wrote it. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return ""; // a percent sign that stands for nothing
  }
}
