// Which version of a middleware of somebody's own requests begin with: its file may change at any time. A new version that can
// be used takes over, one that cannot leaves the old one where it is.

import type { LiveDocument } from "../config/documents.ts";
import { ownThreadLimits } from "../config/middleware-limits.ts";
import type { OwnThreadBounds, OwnUse } from "../config/middlewares/uses/own.ts";
import type { Definition, Hooks } from "../own/contract.ts";
import { inlineOf } from "../own/inline.ts";
import { loadOwn, settingsFor } from "../own/module.ts";
import type { MiddlewareApi } from "./middleware.ts";
import { faultText, warningOf } from "./own-fault.ts";
import { OwnThread } from "./own-thread.ts";

interface VersionEvents {
  /** Another one begins with a clean sheet. */
  onNewVersion(): void;
  /** Something went wrong apart from requests. */
  onFault(error: Error): void;
  /** Closes one, whatever it throws. */
  close(hooks: Hooks): void;
}

export interface Versions {
  /** Of the newest that can be used. Those that run with an older one have their own reference. */
  current(): Hooks;
  close(): void;
}

/** @throws when there is none that can be used */
export function versionsOf(use: OwnUse, api: MiddlewareApi, events: VersionEvents): Versions {
  if (use.thread === undefined) return new VersionsHere(use, api, events);
  return new VersionsApart(use, use.thread, api, events);
}

function documentOf(use: OwnUse, api: MiddlewareApi): LiveDocument | undefined {
  const [wish] = use.documents;
  return wish === undefined ? undefined : api.document(wish.name);
}

function warnOf(use: OwnUse, api: MiddlewareApi, error: unknown): void {
  const cause = faultText(error);
  api.warn("a new version cannot be used; the one before serves on", { file: use.path, cause });
}

/** In the worker itself. */
class VersionsHere implements Versions {
  readonly #use: OwnUse;
  readonly #api: MiddlewareApi;
  readonly #events: VersionEvents;
  /** The text that was looked at last, usable or not. */
  #seen: LiveDocument | undefined;
  #hooks: Hooks;

  constructor(use: OwnUse, api: MiddlewareApi, events: VersionEvents) {
    this.#use = use;
    this.#api = api;
    this.#events = events;
    const inline = inlineOf(use.path);
    this.#seen = documentOf(use, api);
    if (inline !== undefined) this.#hooks = this.#made(inline);
    else if (this.#seen !== undefined) this.#hooks = this.#made(this.#loaded(this.#seen));
    else throw new Error(`${use.path} could not be read`);
  }

  #loaded({ text, version }: LiveDocument): Definition<unknown> {
    return loadOwn(this.#use.path, text, version);
  }

  #made(definition: Definition<unknown>): Hooks {
    const { owner } = this.#api;
    return definition.create(settingsFor(definition, this.#use.settings), {
      owner,
      warn: (message, fields) => this.#api.warn(...warningOf(message, fields)),
    });
  }

  current(): Hooks {
    const now = documentOf(this.#use, this.#api);
    if (now === undefined || now === this.#seen) return this.#hooks;
    this.#seen = now;
    try {
      const next = this.#made(this.#loaded(now));
      this.close();
      this.#hooks = next;
      this.#events.onNewVersion();
    } catch (error) {
      warnOf(this.#use, this.#api, error);
    }
    return this.#hooks;
  }

  close(): void {
    this.#events.close(this.#hooks);
  }
}

/** Each version in a thread of its own, which begins with its first request. */
class VersionsApart implements Versions {
  readonly #use: OwnUse;
  readonly #bounds: OwnThreadBounds;
  readonly #api: MiddlewareApi;
  readonly #events: VersionEvents;
  #seen: LiveDocument;
  #thread: OwnThread;
  /** The next one, until it is up. */
  #coming: OwnThread | undefined;
  /** Older ones that still have requests, the oldest first. */
  readonly #leaving = new Set<OwnThread>();
  #isClosed = false;

  constructor(use: OwnUse, bounds: OwnThreadBounds, api: MiddlewareApi, events: VersionEvents) {
    this.#use = use;
    this.#bounds = bounds;
    this.#api = api;
    this.#events = events;
    const seen = documentOf(use, api);
    if (seen === undefined) throw new Error(`${use.path} could not be read`);
    this.#seen = seen;
    this.#thread = this.#made(seen);
  }

  #made(document: LiveDocument): OwnThread {
    const { onFault } = this.#events;
    const thread: OwnThread = new OwnThread({
      use: this.#use,
      bounds: this.#bounds,
      document,
      api: this.#api,
      // What an older one still does wrong is no reason to leave this one alone.
      onFault: (error) => (this.#leaving.has(thread) ? undefined : onFault(error)),
    });
    return thread;
  }

  current(): Hooks {
    const now = documentOf(this.#use, this.#api);
    if (now !== undefined && now !== this.#seen && !this.#isClosed) this.#follow(now);
    return this.#thread;
  }

  #follow(document: LiveDocument): void {
    this.#seen = document;
    this.#coming?.end();
    this.#coming = undefined;
    const next = this.#made(document);
    if (this.#thread.isBegun) void this.#takeOver(next);
    else this.#go(next);
  }

  /** The one before serves until it is up. */
  async #takeOver(next: OwnThread): Promise<void> {
    this.#coming = next;
    try {
      await next.begin();
    } catch (error) {
      if (this.#coming !== next) return;
      this.#coming = undefined;
      warnOf(this.#use, this.#api, error);
      return;
    }
    if (this.#coming !== next || this.#isClosed) {
      next.end();
      return;
    }
    this.#coming = undefined;
    this.#go(next);
  }

  #go(next: OwnThread): void {
    const before = this.#thread;
    this.#thread = next;
    this.#leaving.add(before);
    before.onGone = () => this.#leaving.delete(before);
    const [oldest] = this.#leaving;
    if (this.#leaving.size > ownThreadLimits.leaving) oldest?.end();
    before.close();
    this.#events.onNewVersion();
  }

  close(): void {
    this.#isClosed = true;
    this.#coming?.end();
    this.#coming = undefined;
    this.#thread.close();
  }
}
