// What routers of Traefik's file get without saying it: middlewares and TLS of their entry points, and the default options of
// TLS. It is put into them, so that nothing that keeps people out is overlooked.

import { entriesOf, listOf, textOf, valueOf } from "./flat.ts";

/** The file's value with complete routers. */
export function withInherited(value: unknown): unknown {
  const http = valueOf(value, "http");
  const routers = entriesOf(http, "routers").map(([name, router]) => {
    return [name, typeof router === "object" ? completed(router, value) : router] as const;
  });
  return replaced(value, "http", replaced(http, "routers", Object.fromEntries(routers)));
}

function replaced(value: unknown, key: string, item: unknown): unknown {
  const entries = entriesOf(value).map(([name, each]) => {
    return [name, name.toLowerCase() === key.toLowerCase() ? item : each] as const;
  });
  return Object.fromEntries(entries);
}

function completed(router: unknown, value: unknown): unknown {
  const points = pointsOf(router, value);
  const own = listOf(valueOf(router, "middlewares"));
  const middlewares = [
    ...new Set([...points.flatMap((each) => listOf(valueOf(each, "middlewares"))), ...own]),
  ];
  const tls = valueOf(router, "tls") ?? points.map((each) => valueOf(each, "tls")).find(isThere);
  const others = entriesOf(router).filter(
    ([key]) => !["middlewares", "tls"].includes(key.toLowerCase()),
  );
  return Object.fromEntries([
    ...others,
    ...(middlewares.length === 0 ? [] : [["middlewares", middlewares] as const]),
    ...(tls === undefined ? [] : [["tls", withDefaults(tls, value)] as const]),
  ]);
}

function isThere(value: unknown): boolean {
  return value !== undefined;
}

/** `http` of its entry points; without any it is at all of them. */
function pointsOf(router: unknown, value: unknown): unknown[] {
  const names = listOf(valueOf(router, "entryPoints")).map(String);
  return entriesOf(value, "entryPoints")
    .filter(([name]) => names.length === 0 || names.includes(name))
    .map(([, point]) => valueOf(point, "http"));
}

/** Whoever reads labels takes these options for harmless; in a file one sees what they are. */
function withDefaults(tls: unknown, value: unknown): unknown {
  const options = textOf(valueOf(tls, "options"))?.replace(/@file$/, "") ?? "default";
  const all = valueOf(valueOf(value, "tls"), "options");
  const auth = valueOf(valueOf(all, options), "clientAuth");
  const kind = textOf(valueOf(auth, "clientAuthType")) ?? "NoClientCert";
  if (kind === "NoClientCert") return tls;
  const others = entriesOf(tls).filter(([key]) => key.toLowerCase() !== "options");
  return Object.fromEntries([...others, ["options", `${options} with clientAuth`]]);
}
