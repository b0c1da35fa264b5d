// One request as its program handed it over: with which options, and to which backends.

import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { BackendConnection } from "../../upstream/backend-connection.ts";
import type { Pool } from "../../upstream/pool.ts";
import type { Backends } from "./backends.ts";
import type { ErrorCallback, ProxyEmitter, ShownTarget } from "./events.ts";
import {
  checkOptions,
  type Place,
  placeOf,
  type ProxyTarget,
  type ServerOptions,
} from "./options.ts";
import { ProxyRequest } from "./proxy-request.ts";
import { addForwarded, pathFor } from "./rewrites.ts";

/** A backend that is meant. */
export interface Aim {
  readonly shown: ShownTarget;
  readonly place: Place;
  readonly pool: Pool<BackendConnection>;
}

export interface Asked {
  readonly emitter: ProxyEmitter;
  readonly options: ServerOptions;
  readonly target: Aim | undefined;
  readonly forward: Aim | undefined;
  readonly callback: ErrorCallback | undefined;
}

/** @throws Error that says what is wrong with the options */
export function aimsOf(
  options: ServerOptions,
  request: IncomingMessage,
  backends: Backends,
): { readonly target: Aim | undefined; readonly forward: Aim | undefined } {
  const { target, forward } = options;
  const meant = typeof target === "function" ? target(request) : target;
  checkOptions({ ...options, target: meant });
  if (!meant && !forward) throw new Error("Must set target or forward");
  const aimAt = (given: ProxyTarget | undefined): Aim | undefined => {
    if (!given) return undefined;
    const place = placeOf(given);
    const pool = backends.poolOf(place, {
      verify: options.secure !== false,
      ca: options.ca?.toString(),
      keeps: options.agent !== false,
    });
    return { shown: typeof given === "string" ? new URL(given) : given, place, pool };
  };
  return { target: aimAt(meant), forward: aimAt(forward) };
}

/**
 * What goes to the backend unless a listener changes it; undefined = the request's path is malformed.
 * @param scheme what `xfwd` says: `http` or `ws`
 * @throws Error when a field of the options cannot be sent
 */
export function requestFor(
  request: IncomingMessage,
  { place }: Aim,
  options: ServerOptions,
  scheme: string,
  onDestroy: (error: Error | undefined) => void,
): ProxyRequest | undefined {
  const path = pathFor(request, place, options);
  if (path === undefined) return undefined;
  const protocol = place.isSecure ? "https:" : "http:";
  const method = options.method ?? request.method ?? "GET";
  const made = new ProxyRequest({ method, path, protocol, host: place.host }, onDestroy);
  const fields = fieldsFor(request, place, options, scheme);
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || name.startsWith(":")) continue;
    made.setHeader(name, value);
  }
  return made;
}

function fieldsFor(
  request: IncomingMessage,
  { authority }: Place,
  options: ServerOptions,
  scheme: string,
): Readonly<Record<string, string | readonly string[] | number | undefined>> {
  const own: OutgoingHttpHeaders = { ...request.headers };
  const asked = own[":authority"];
  if (typeof asked === "string") own.host = asked;
  if (options.xfwd === true) addForwarded(own, request, scheme);
  const fields = { ...own, ...options.headers };
  if (options.auth) {
    delete fields["authorization"];
    fields["Authorization"] = `Basic ${Buffer.from(options.auth).toString("base64")}`;
  }
  if (options.changeOrigin === true || fields["host"] === undefined) fields["host"] = authority;
  return fields;
}
