// What routers of Traefik's file get without saying it: middlewares and TLS of their entry points. It is put into them, so that nothing that keeps people out is overlooked.

import { entriesOf, listOf, textOf, valueOf } from "./flat.ts";
import { tlsOptionsOf } from "./tls-options.ts";

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
    ...(tls === undefined ? [] : [["tls", tls] as const]),
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

/** Without the options of TLS that the file has: whoever reads labels does not know them, and they are read beside that. */
export function withoutOptions(value: unknown): unknown {
  const http = valueOf(value, "http");
  const routers = entriesOf(http, "routers").map(([name, router]) => {
    const tls = valueOf(router, "tls");
    const options = textOf(valueOf(tls, "options"))?.replace(/@file$/, "");
    const isKnown =
      options !== undefined && tlsOptionsOf(valueOf(value, "tls"), options) !== undefined;
    if (!isKnown) return [name, router] as const;
    const others = entriesOf(tls).filter(([key]) => key.toLowerCase() !== "options");
    return [name, replaced(router, "tls", Object.fromEntries(others))] as const;
  });
  return replaced(value, "http", replaced(http, "routers", Object.fromEntries(routers)));
}
