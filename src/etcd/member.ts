// One member of an etcd cluster, asked through its JSON gateway (/v3/…), since gRPC would bring thirty
// packages. Keys and values travel in base64, numbers of 64 bits as texts.

import { etcdSource as limits, sources } from "../config/provider-limits.ts";
import type { EtcdServer } from "../config/source-settings.ts";
import { listAt, recordAt, textAt } from "../lib/json.ts";
import { WebError, webAnswer, webStream, type WebCall } from "../lib/web-call.ts";
import { EtcdError, refused } from "./etcd-error.ts";
import { base64Of, endOf, textIn } from "./key-range.ts";
import { Lines } from "./lines.ts";

export interface Pair {
  readonly key: string;
  readonly value: string;
  /** Of its latest change. */
  readonly revision: string;
}

export interface Page {
  /** Of the whole store, as it was asked for. */
  readonly revision: string;
  readonly pairs: readonly Pair[];
  /** undefined = this was the last one. */
  readonly next: string | undefined;
  /** How many keys there are from where it begins. */
  readonly count: number;
}

/** `value` undefined = the key has gone. */
export interface Change {
  readonly key: string;
  readonly value: string | undefined;
  readonly revision: string;
}

export interface AskOptions {
  readonly signal: AbortSignal;
  /** Until the whole answer is there, ms. */
  readonly timeout?: number;
}

export interface WatchOptions {
  /** The first revision to tell of. */
  readonly from: bigint;
  opened(): void;
  /** @param isWhole no more is to come of the last revision among them */
  changed(changes: readonly Change[], isWhole: boolean): void;
}

export class Member {
  readonly #settings: EtcdServer;
  readonly #endpoint: string;
  #token: string | undefined;

  constructor(settings: EtcdServer, endpoint: string) {
    this.#settings = settings;
    this.#endpoint = endpoint;
  }

  /**
   * Something under the prefix can be read, which only a member that follows a leader answers. A single key:
   * counting a million of them would keep it busy.
   * @returns the revision of the whole store
   */
  async alive(signal: AbortSignal): Promise<bigint> {
    const body = { key: base64Of(this.#settings.prefix), keys_only: true };
    const timeout = limits.heartbeatTimeout;
    return revisionOf(pageOf(await this.ask("/v3/kv/range", body, { signal, timeout })));
  }

  /** @param revision as of then; undefined = now */
  async page(
    from: string | undefined,
    revision: string | undefined,
    signal: AbortSignal,
  ): Promise<Page> {
    const range = this.#range(from);
    const at = revision === undefined ? {} : { revision };
    for (let limit: number = limits.page; ; limit = Math.max(1, Math.floor(limit / 8))) {
      const body = { ...range, ...at, limit: String(limit) };
      try {
        return pageOf(await this.ask("/v3/kv/range", body, { signal }));
      } catch (error) {
        if (!(error instanceof WebError && error.kind === "large")) throw error;
        if (limit > 1) continue;
        // One value alone is too much: it is named, and does not hide the others.
        const keys = { ...body, keys_only: true };
        const { pairs, ...page } = pageOf(await this.ask("/v3/kv/range", keys, { signal }));
        return { ...page, pairs: pairs.map((each) => ({ ...each, value: tooLong })) };
      }
    }
  }

  /** Rejects when it ends, for whatever reason. */
  async watch(options: WatchOptions, signal: AbortSignal): Promise<never> {
    const create = {
      ...this.#range(),
      start_revision: String(options.from),
      // Large changes come in parts, none of which is larger than what etcd takes at once.
      fragment: true,
    };
    const body = { create_request: create };
    return await this.#withToken(signal, (token) => this.#watch(body, options, { signal, token }));
  }

  async #watch(
    body: unknown,
    { opened, changed }: WatchOptions,
    { signal, token }: { readonly signal: AbortSignal; readonly token: string | undefined },
  ): Promise<never> {
    // A member that has lost its leader ends the watch, instead of keeping silent.
    const more = { "Grpc-Metadata-hasleader": "true" };
    const call = {
      ...this.#call("/v3/watch", body, { signal, token }),
      headers: { ...fields(token), ...more },
    };
    const read = (line: string) => {
      const message = parsed(line);
      const result = recordAt(message, "result");
      if (Object.keys(result).length === 0) throw this.#refused(200, message);
      if (result["canceled"] === true) throw this.#canceled(result);
      if (result["created"] === true) opened();
      const events = listAt(result, "events");
      if (events.length > 0) changed(events.map(changeOf), result["fragment"] !== true);
    };
    const lines = new Lines(limits.messageBytes, read);
    let status = 200;
    let failed = "";
    try {
      return await webStream(call, {
        opened: (response) => (status = response.statusCode ?? 0),
        bytes: (bytes) => {
          if (status === 200) lines.push(bytes);
          else failed = `${failed}${bytes.toString()}`.slice(0, 4096);
        },
      });
    } catch (error) {
      throw status === 200 ? error : this.#refused(status, parsed(failed) ?? failed);
    }
  }

  #canceled(result: Readonly<Record<string, unknown>>): EtcdError {
    const compacted = textAt(result, "compact_revision");
    const said = textAt(result, "cancel_reason");
    const error = compacted === "" ? said || "it ended the watch" : "compacted";
    return this.#refused(200, { error });
  }

  /** Whatever its gateway takes: the answer, or a rejection that says why there is none. */
  async ask(path: string, body: unknown, options: AskOptions): Promise<unknown> {
    return await this.#withToken(options.signal, async (token) => {
      const call = this.#call(path, body, { ...options, token });
      const answer = await webAnswer(call, limits.answerBytes);
      const text = answer.body.toString();
      const said = parsed(text);
      if (answer.status === 200 && said !== undefined) return said;
      throw this.#refused(answer.status, said ?? text);
    });
  }

  /** Tokens run out, and are void when the rights of anybody change. */
  async #withToken<T>(
    signal: AbortSignal,
    action: (token: string | undefined) => Promise<T>,
  ): Promise<T> {
    const before = this.#token;
    try {
      return await action((this.#token ??= await this.#authenticate(signal)));
    } catch (error) {
      const isOver = error instanceof EtcdError && error.kind === "token";
      if (!isOver || before === undefined) throw error;
      this.#token = undefined;
      return await action((this.#token = await this.#authenticate(signal)));
    }
  }

  async #authenticate(signal: AbortSignal): Promise<string | undefined> {
    const { username, password } = this.#settings;
    if (username === undefined) return undefined;
    const body = { name: username, password: password ?? "" };
    const call = this.#call("/v3/auth/authenticate", body, { signal, token: undefined });
    const answer = await webAnswer(call, limits.answerBytes);
    const text = answer.body.toString();
    const said = parsed(text);
    const token = textAt(said, "token");
    if (answer.status === 200 && token !== "") return token;
    const error = this.#refused(answer.status, said ?? text);
    // As etcd's own clients do: whoever switches it off has not to change everybody first.
    if (error.kind === "no auth") return undefined;
    throw error;
  }

  #call(path: string, body: unknown, { signal, token, timeout }: CallOptions): WebCall {
    return {
      url: new URL(path, this.#endpoint),
      method: "POST",
      headers: fields(token),
      body: JSON.stringify(body),
      tls: this.#settings.tls,
      who: `etcd at ${this.#endpoint}`,
      place: this.#settings.place,
      signal,
      timeout: timeout ?? limits.answerTimeout,
    };
  }

  #range(from: string = base64Of(this.#settings.prefix)) {
    return { key: from, range_end: endOf(this.#settings.prefix) };
  }

  #refused(status: number, body: unknown): EtcdError {
    const who = `etcd at ${this.#endpoint}`;
    return refused({ who, place: this.#settings.place, status, body });
  }
}

interface CallOptions extends AskOptions {
  readonly token: string | undefined;
}

/** In the place of a value that is not worth keeping: whoever reads it says that it is too long. */
const tooLong = " ".repeat(sources.itemBytes + 1);

function fields(token: string | undefined): Readonly<Record<string, string>> {
  const usual = { "Content-Type": "application/json" };
  return token === undefined ? usual : { ...usual, Authorization: token };
}

function pageOf(answer: unknown): Page {
  const kvs = listAt(answer, "kvs");
  const isLast = recordOf(answer)["more"] !== true || kvs.length === 0;
  return {
    revision: textAt(recordAt(answer, "header"), "revision"),
    pairs: kvs.map(pairOf),
    // The key itself and a NUL is the very next one.
    next: isLast ? undefined : afterKey(textAt(kvs.at(-1), "key")),
    count: Number(textAt(answer, "count")) || kvs.length,
  };
}

/** Throws when there is none. */
export function revisionOf({ revision }: Pick<Page, "revision">): bigint {
  if (/^\d{1,19}$/.test(revision)) return BigInt(revision);
  throw new Error("what answered is not etcd: there is no revision in its answer");
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return recordAt({ value }, "value");
}

function afterKey(key: string): string {
  return Buffer.concat([Buffer.from(key, "base64"), Buffer.from([0])]).toString("base64");
}

function pairOf(kv: unknown): Pair {
  const value = textAt(kv, "value");
  const revision = textAt(kv, "mod_revision");
  // In base64 it is a third longer.
  const isLong = value.length > sources.itemBytes * 1.5;
  return {
    key: textIn(textAt(kv, "key")),
    value: isLong ? tooLong : textIn(value),
    revision: /^\d{1,19}$/.test(revision) ? revision : "0",
  };
}

function changeOf(event: unknown): Change {
  const pair = pairOf(recordAt(event, "kv"));
  return textAt(event, "type") === "DELETE" ? { ...pair, value: undefined } : pair;
}

/** undefined = not JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // its callers say so
  }
}
