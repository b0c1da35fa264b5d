// A document of routes that is fetched again and again. An answer that cannot be used ends the provider with
// a sentence, so it is asked again sooner, and what it said last stays.

import { setTimeout as pause } from "node:timers/promises";
import { httpSource as limits } from "../../config/provider-limits.ts";
import type { HttpSettings } from "../../config/source-settings.ts";
import type { Log } from "../../lib/log.ts";
import { Items } from "../items.ts";
import type { Gathered, Source } from "../provider.ts";
import { type WebAnswer, webAnswer, WebError } from "../../lib/web-call.ts";
import { documentIn } from "./document.ts";
import { badSignature } from "./signature.ts";

export function httpSource(settings: HttpSettings, _options: { readonly log: Log }): Source {
  const source = new HttpSource(settings);
  return {
    name: settings.name,
    catalogs: (signal) => source.catalogs(signal),
    tellDead: undefined,
  };
}

/** The last good one, for the next question. */
interface Last {
  readonly gathered: Gathered;
  readonly etag?: string | undefined;
  readonly modified?: string | undefined;
}

class HttpSource {
  readonly #settings: HttpSettings;
  readonly #items: Items;
  #last: Last | undefined;

  constructor(settings: HttpSettings) {
    this.#settings = settings;
    this.#items = new Items(settings, "http");
  }

  async *catalogs(signal: AbortSignal): AsyncGenerator<Gathered> {
    let said: Gathered | undefined;
    while (!signal.aborted) {
      try {
        const { gathered } = (this.#last = await this.#fetch(signal));
        // Also when nothing changed, the first time: it shows that it works again.
        if (gathered !== said) yield (said = gathered);
        await pause(this.#settings.every, undefined, { signal });
      } catch (error) {
        // Whatever fails while it is being ended is of no interest.
        if (signal.aborted) return;
        throw error;
      }
    }
  }

  async #fetch(signal: AbortSignal): Promise<Last> {
    const answer = await this.#ask(new URL(this.#settings.url), signal, 0);
    const { status, headers, body } = answer;
    if (status === 304 && this.#last !== undefined) return this.#last;
    if (status !== 200) {
      // It may be our conditions that it does not like: the next question is a plain one.
      if (this.#last !== undefined) this.#last = { gathered: this.#last.gathered };
      throw this.#refused(statusText(answer));
    }
    if ((headers["content-encoding"] ?? "identity") !== "identity") {
      throw this.#refused(
        `is compressed (${headers["content-encoding"]}), which was not asked for`,
      );
    }
    const { publicKey } = this.#settings;
    const bad =
      publicKey === undefined
        ? undefined
        : badSignature(body, textOf(headers["signature"]), publicKey);
    if (bad !== undefined) throw this.#refused(bad);
    const gathered = this.#read(answer);
    return { gathered, etag: short(headers.etag), modified: short(headers["last-modified"]) };
  }

  #read({ headers, body }: WebAnswer): Gathered {
    try {
      const { items, notes } = documentIn(body, headers["content-type"] ?? "");
      return this.#items.gather(items, notes);
    } catch (error) {
      throw this.#refused(error instanceof Error ? error.message : String(error));
    }
  }

  /** Follows redirects that stay where they are: fields that are secret go nowhere else. */
  async #ask(url: URL, signal: AbortSignal, hops: number): Promise<WebAnswer> {
    const { headers, tls, place } = this.#settings;
    const call = {
      ...({ url, method: "GET", tls, place, signal, timeout: limits.timeout } as const),
      who: shown(url),
      headers: {
        Accept: "application/json, application/yaml;q=0.9",
        ...headers,
        ...this.#fields(),
      },
    };
    const answer = await webAnswer(call, limits.jsonBytes);
    if (![301, 302, 303, 307, 308].includes(answer.status)) return answer;
    const to = URL.parse(answer.headers.location ?? "", url.href);
    if (to === null) throw this.#refused(`answered ${answer.status} and did not say where to`);
    if (!staysThere(url, to)) {
      throw this.#refused(`leads on to ${shown(to)}, which is not followed; write that as \`url\``);
    }
    if (hops >= limits.redirects) throw this.#refused("leads on and on");
    return await this.#ask(to, signal, hops + 1);
  }

  #fields(): Readonly<Record<string, string>> {
    const { etag, modified } = this.#last ?? {};
    return {
      "Accept-Encoding": "identity",
      ...(etag === undefined ? {} : { "If-None-Match": etag }),
      ...(modified === undefined ? {} : { "If-Modified-Since": modified }),
    };
  }

  #refused(why: string): WebError {
    return new WebError("refused", `the document at ${shown(new URL(this.#settings.url))} ${why}`);
  }
}

/** What would make a question of ours too long for servers is not repeated to them. */
function short(field: string | undefined): string | undefined {
  return field !== undefined && field.length <= limits.validator ? field : undefined;
}

/** Without the query, which may hold a key. */
function shown(url: URL): string {
  return `${url.origin}${url.pathname}`.slice(0, 300);
}

/** The same server, or its TLS. */
function staysThere(from: URL, to: URL): boolean {
  if (to.username !== "" || to.password !== "") return false;
  if (from.origin === to.origin) return true;
  const isUpgrade = from.protocol === "http:" && to.protocol === "https:";
  return isUpgrade && from.hostname === to.hostname && from.port === "" && to.port === "";
}

function statusText({ status }: WebAnswer): string {
  const isForbidden = status === 401 || status === 403;
  return `answered ${status}${isForbidden ? "; see `headers`: does it want Authorization?" : ""}`;
}

function textOf(field: string | readonly string[] | undefined): string | undefined {
  return typeof field === "string" || field === undefined ? field : field.join(",");
}
