// Which requests somebody wants to see. Plain data, since it travels to the workers; there it becomes a function.

import { NetworkSet, parseNetwork } from "../lib/ip.ts";
import type { TrafficEntry } from "./entry.ts";

/** What is left out does not matter; what is said must all be so. */
export interface TrafficFilter {
  /** Name of a route, with or without its `@provider`. */
  readonly route?: string;
  /** The least and the highest status. */
  readonly status?: readonly [number, number];
  /** In capitals. */
  readonly method?: string;
  /** Anywhere in host and target, in any case. */
  readonly text?: string;
  /** Address or network of the client. */
  readonly from?: string;
  /** ms */
  readonly slower?: number;
  /** A failure of ours, or a status of 500 and more. */
  readonly isFailed?: boolean;
}

export type Judged = Pick<
  TrafficEntry,
  "route" | "status" | "method" | "host" | "target" | "client" | "duration" | "failure"
>;

export function testOf(filter: TrafficFilter): (entry: Judged) => boolean {
  const { route, status, method, text, from, slower, isFailed = false } = filter;
  const tests: ((entry: Judged) => boolean)[] = [];
  if (route !== undefined) {
    tests.push((each) => each.route === route || each.route.startsWith(`${route}@`));
  }
  if (status !== undefined) {
    const [least, most] = status;
    tests.push((each) => each.status >= least && each.status <= most);
  }
  if (method !== undefined) tests.push((each) => each.method === method);
  if (from !== undefined) {
    const networks = NetworkSet.of([from]);
    tests.push((each) => networks.has(each.client));
  }
  if (slower !== undefined) tests.push((each) => each.duration >= slower);
  if (isFailed) tests.push(failed);
  if (text !== undefined) {
    const wanted = text.toLowerCase();
    tests.push((each) => `${each.host}${each.target}`.toLowerCase().includes(wanted));
  }
  return (entry) => tests.every((test) => test(entry));
}

export function failed({ failure, status }: Pick<Judged, "failure" | "status">): boolean {
  return failure !== "" || status >= 500;
}

/** `5xx`, `404` or `500-503`; undefined = none of these. */
export function parseStatus(text: string): readonly [number, number] | undefined {
  const [, hundreds] = /^([1-5])xx$/i.exec(text) ?? [];
  if (hundreds !== undefined) return [Number(hundreds) * 100, Number(hundreds) * 100 + 99];
  const [, least, most = least] = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(text) ?? [];
  if (least === undefined || Number(most) < Number(least)) return undefined;
  return [Number(least), Number(most)];
}

/** An address is a network of one. */
export function isNetwork(text: string): boolean {
  return parseNetwork(text) !== undefined;
}
