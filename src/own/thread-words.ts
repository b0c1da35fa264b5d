// What a middleware of somebody's own that runs in a thread, and the worker that it serves, say to each other.

import type { Answer, Outcome } from "./contract.ts";

/** What a thread begins with. */
export interface ThreadSetup {
  readonly path: string;
  /** Of the file. */
  readonly text: string;
  readonly version: string;
  readonly settings: unknown;
  readonly owner: string;
  /** So many requests are kept for the moment of their end; then the oldest is forgotten. */
  readonly mostKept: number;
  /** Warnings that it may say within `warningWindow` ms. */
  readonly mostWarnings: number;
  readonly warningWindow: number;
}

/** A request as plain data. */
export interface SentRequest {
  readonly method: string;
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly path: string;
  readonly query: string;
  readonly clientIp: string;
  readonly user: string;
  readonly route: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** What it did to its copy, to be done to the request. */
export type Edit =
  | { readonly what: "path"; readonly text: string }
  | { readonly what: "query"; readonly text: string }
  | { readonly what: "set"; readonly name: string; readonly text: string }
  | { readonly what: "add"; readonly name: string; readonly text: string }
  | { readonly what: "remove"; readonly name: string };

export type ToThread =
  | {
      readonly kind: "ask";
      readonly id: number;
      readonly request: SentRequest;
      /** As `sinceEpoch`: nobody waits for it any more. */
      readonly lateAt: number;
    }
  | { readonly kind: "done"; readonly id: number; readonly outcome: Outcome }
  /** It did not go on, or nobody waited. */
  | { readonly kind: "forget"; readonly id: number }
  | { readonly kind: "ping" }
  | { readonly kind: "close" };

/** @property read so many requests were taken off its line */
export type FromThread =
  | { readonly kind: "up"; readonly hasDone: boolean }
  /** It cannot be used. */
  | { readonly kind: "unfit"; readonly cause: string }
  | {
      readonly kind: "said";
      readonly id: number;
      readonly read: number;
      readonly edits: readonly Edit[];
      /** undefined = the request goes on. */
      readonly answer: Answer | undefined;
    }
  | {
      readonly kind: "failed";
      readonly id: number;
      readonly read: number;
      readonly cause: string;
    }
  | { readonly kind: "pong"; readonly read: number }
  | {
      readonly kind: "warn";
      readonly message: string;
      readonly fields: Readonly<Record<string, string>>;
    }
  /** Something that nobody waits for went wrong. */
  | { readonly kind: "fault"; readonly cause: string }
  | { readonly kind: "closed" };

const kinds = new Set<unknown>("up unfit said failed pong warn fault closed".split(" "));

/** A module can write to the same place. */
export function isFromThread(message: unknown): message is FromThread {
  if (typeof message !== "object" || message === null) return false;
  return kinds.has(Reflect.get(message, "kind"));
}

/** ms; the same in all threads of a process, and never set back. */
export function sinceEpoch(): number {
  return performance.timeOrigin + performance.now();
}

/** Why one with that moment cannot run in a thread. */
export const noResponseHook =
  "it has onResponse, which is not waited for and so cannot run in a thread: leave that out of the file, or `thread` out of the settings";
