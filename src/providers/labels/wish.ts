// What one container or VM asks for, whatever the words it says it in: each dialect reads to this, and from
// here on they are all the same. Settings are written as in the configuration file, and checked like it.

import type { Note } from "../../config/finding.ts";
import type { Dialect } from "../../config/provider-settings.ts";
import type { Workload } from "../workload.ts";

export interface Wish {
  /** undefined = nobody asked; it is the provider's default host. */
  readonly dialect: Dialect | undefined;
  readonly kind: "http" | "tcp";
  /** Of the route, unique within its tenant. */
  readonly name: string;
  /**
   * As under `routes` (or `tcpRoutes`) in the file, without `service`; undefined = it only joins the service.
   * Nobody has checked it.
   */
  readonly route: Readonly<Record<string, unknown>> | undefined;
  /** undefined = the route answers by itself: a redirect. */
  readonly service: WishedService | undefined;
  /** Which label a key comes from: `route.timeouts.response` or `service.balance` to the label's name. */
  readonly labels: ReadonlyMap<string, string>;
}

export interface WishedService {
  /** Unique within its tenant; several workloads with one name are backends of one service. */
  readonly name: string;
  /** As under `services` in the file, without `backends` or what stands in their place. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** undefined = the provider's `port`, or the only one it has. */
  readonly port: number | undefined;
  readonly scheme:
    | "http"
    | "https"
    | "h2c"
    | "grpcs"
    | "tcp"
    | "tls"
    | "fastcgi"
    | "scgi"
    | "uwsgi";
  /** Path in front of every request's path; "" = none. */
  readonly basePath: string;
  readonly weight: number;
  readonly tier: number;
  /** As `tidegate.onDemand` says it, unchecked; undefined = not asked for. */
  readonly onDemand: unknown;
  /** Name of the network to use; undefined = the first. */
  readonly network: string | undefined;
}

export interface Wishes {
  readonly wishes: readonly Wish[];
  readonly notes: readonly Note[];
  /** It says that it does not want to be routed, whatever else is said. */
  readonly isRefused: boolean;
}

export interface WishOptions {
  /** false: only those that say so. */
  readonly exposedByDefault: boolean;
  /** Host, perhaps with a path, of a route that names none; made of the provider's template. */
  readonly defaultHost?: string | undefined;
  /** Sets of middlewares of the file, which are `NAME@file`. */
  readonly sets?: readonly string[] | undefined;
}

/** Reads one dialect. Never throws, whatever the labels are. */
export type WishReader = (workload: Workload, options: WishOptions) => Wishes;
