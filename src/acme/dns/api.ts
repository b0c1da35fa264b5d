// Questions to the API of a service, as JSON: bounded, with our token, which is in no message even when the service repeats it.

import { dnsChangeLimits as limits } from "../../config/acme-limits.ts";
import type { DnsApiSettings } from "../../config/acme-settings.ts";
import { listAt, recordAt, textAt } from "../../lib/json.ts";
import { type WebAnswer, webAnswer, type WebCall, WebError } from "../../lib/web-call.ts";
import { programVersion } from "../../lib/version.ts";
import { plain } from "../problem.ts";
import { retryAfter } from "../retry-after.ts";
import { DnsTrouble } from "./tries.ts";

const userAgent = `tidegate/${programVersion()}`;

export interface ApiOptions {
  readonly settings: DnsApiSettings;
  /** For messages. */
  readonly who: string;
  /** The field that holds the token, and how. */
  readonly credentials: (token: string) => Readonly<Record<string, string>>;
  /** What a token has to be allowed, for messages. */
  readonly rights: string;
}

export interface ApiAnswer {
  /** 404 as well as 2xx: both are answers to "is it there?". */
  readonly isThere: boolean;
  /** undefined = nothing, or no JSON. */
  readonly value: unknown;
}

export class DnsApi {
  readonly #options: ApiOptions;

  constructor(options: ApiOptions) {
    this.#options = options;
  }

  /** @param path from the end of the address, with its query. Rejects with a DnsTrouble */
  async ask(
    method: WebCall["method"],
    path: string,
    signal: AbortSignal,
    body?: unknown,
  ): Promise<ApiAnswer> {
    signal.throwIfAborted();
    const { settings, who, credentials } = this.#options;
    const { url, token, ca, place } = settings;
    const headers = { Accept: "application/json", "User-Agent": userAgent, ...credentials(token) };
    const sent =
      body === undefined
        ? { headers }
        : {
            headers: { ...headers, "Content-Type": "application/json" },
            body: JSON.stringify(body),
          };
    const tls = ca === undefined ? undefined : { ca, certificate: undefined, key: undefined };
    const call = { method, url: new URL(url + path), tls, who, place, ...sent };
    let answer: WebAnswer;
    try {
      answer = await webAnswer({ ...call, signal, timeout: limits.timeout }, limits.answerBytes);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof WebError)) throw error;
      throw new DnsTrouble(error.message, { isPassing: error.kind !== "large" });
    }
    const value = valueIn(answer.body);
    const isThere = answer.status >= 200 && answer.status < 300;
    if (isThere || answer.status === 404) return { isThere, value };
    throw this.#refusal(answer, value);
  }

  /** For what is asked of something that was there a moment ago. */
  async must(
    method: WebCall["method"],
    path: string,
    signal: AbortSignal,
    body?: unknown,
  ): Promise<unknown> {
    const { isThere, value } = await this.ask(method, path, signal, body);
    if (isThere) return value;
    const { who } = this.#options;
    const message = `${who} does not find what was there a moment ago${this.#said(value)}`;
    throw new DnsTrouble(message, { isPassing: true });
  }

  #refusal({ status, headers }: WebAnswer, value: unknown): DnsTrouble {
    const { who, settings, rights } = this.#options;
    const said = this.#said(value);
    if (status === 401 || status === 403) {
      return new DnsTrouble(
        `${who} refuses our token (${status})${said}; ${rights}; see ${settings.place}`,
      );
    }
    if (status === 429) {
      const wait = retryAfter(headers["retry-after"]);
      return new DnsTrouble(`${who} is asked too often (429)${said}`, { isPassing: true, wait });
    }
    if (status >= 300 && status < 400) {
      return new DnsTrouble(`${who} sends us elsewhere (${status}); see ${settings.place}`);
    }
    return new DnsTrouble(`${who} answers ${status}${said}`, { isPassing: status >= 500 });
  }

  /** What it said of a failure, in any of the ways that services do. */
  #said(value: unknown): string {
    const [first] = listAt(value, "errors");
    const texts = [
      textAt(first, "message"),
      textAt(recordAt(value, "error"), "message"),
      textAt(value, "error"),
      textAt(value, "message"),
    ];
    const found = texts.find((each) => each !== "") ?? "";
    const { token } = this.#options.settings;
    const cut = plain(found.replaceAll(token, "…"), 300);
    return cut === "" ? "" : `: ${cut}`;
  }
}

function valueIn(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined; // a page for humans, or nothing
  }
}
