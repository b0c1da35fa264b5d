// Questions to one certificate authority: signed, with a nonce each, and its answers bounded and checked. It may
// be down, slow, out of its mind or new under other addresses; each of these ends in an AcmeError.
//
// Redirects are not followed: what is signed names the address. All addresses have to be https, unless the
// directory itself is asked in plain text, as an authority on the same machine may be.

import type { KeyObject } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { acmeClientLimits as limits } from "../config/acme-limits.ts";
import { isRecord } from "../lib/json.ts";
import { programVersion } from "../lib/version.ts";
import {
  webAnswer,
  type WebAnswer,
  type WebCall,
  WebError,
  type WebTrust,
} from "../lib/web-call.ts";
import { AcmeError, refusal } from "./acme-error.ts";
import { type Directory, readDirectory, type Service } from "./directory.ts";
import { jwkOf, signedRequest } from "./jws.ts";
import { readProblem } from "./problem.ts";
import { retryAfter } from "./retry-after.ts";

export interface WireOptions {
  /** Address of the authority's directory. */
  readonly directory: string;
  /** What it is called in messages: `Let's Encrypt`. */
  readonly who: string;
  /** Where it is configured, for messages. */
  readonly place: string;
  /** undefined: the system's authorities are trusted. */
  readonly trust: WebTrust | undefined;
}

/** Who signs: an account, or a key that is known by nothing else. */
export interface Signer {
  readonly key: KeyObject;
  readonly accountUrl: string | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: WebAnswer["headers"];
  readonly body: Buffer;
  /** Of its Location, if there is one that may be asked. */
  readonly location: string | undefined;
  /** How long it wants to be left alone, ms. */
  readonly wait: number | undefined;
}

/** An address, or a service of the directory. */
export type Target = { readonly url: string } | { readonly service: Service };

/** The text that is signed; with the address where it depends on that. */
export type Payload = string | ((url: string) => string);

const userAgent = `tidegate/${programVersion()} (ACME)`;

export class Wire {
  readonly who: string;
  readonly #options: WireOptions;
  #directory: Directory | undefined;
  #readAt = 0;
  #nonces: string[] = [];

  constructor(options: WireOptions) {
    this.#options = options;
    this.who = options.who;
  }

  /** As it was read last, if that is not long ago. */
  async directory(signal: AbortSignal): Promise<Directory> {
    const age = performance.now() - this.#readAt;
    if (this.#directory !== undefined && age < limits.directoryAge) return this.#directory;
    const answer = await this.#call(
      { method: "GET", url: this.#options.directory, headers: {} },
      signal,
    );
    if (answer.status === 404 || answer.status === 410) {
      const where = `(${answer.status}); see ${this.#options.place}`;
      throw this.lie(`there is no directory at its address ${where}`);
    }
    if (answer.status !== 200) throw this.#refusal(answer);
    const read = readDirectory(this.json(answer), (text, what) => this.url(text, what));
    this.#directory = read;
    this.#readAt = performance.now();
    return read;
  }

  /** Without a signature: what needs no account. */
  async get(url: string, signal: AbortSignal): Promise<Answer> {
    const answer = await this.#call({ method: "GET", url, headers: {} }, signal);
    if (answer.status !== 200) throw this.#refusal(answer);
    return answer;
  }

  /** Rejects with an AcmeError for every answer but 200, 201 and 204. */
  async post(
    target: Target,
    payload: Payload,
    signer: Signer,
    signal: AbortSignal,
  ): Promise<Answer> {
    if ("url" in target) return this.#signed(target.url, payload, signer, signal);
    const url = (await this.directory(signal)).services[target.service];
    try {
      return await this.#signed(url, payload, signer, signal);
    } catch (error) {
      if (!(error instanceof AcmeError) || error.status !== 404) throw error;
      // It may have moved.
      this.#directory = undefined;
      this.#nonces = [];
      const moved = (await this.directory(signal)).services[target.service];
      if (moved === url) throw error;
      return this.#signed(moved, payload, signer, signal);
    }
  }

  json({ body }: Answer): unknown {
    try {
      const value: unknown = JSON.parse(body.toString());
      if (isRecord(value)) return value;
    } catch {
      // Said below: what JSON.parse says may quote pages of it.
    }
    throw this.lie("it answers with no JSON of ACME; is the address of its directory right?");
  }

  /** @param what it is called in messages */
  url(text: string, what: string): string {
    const url = text.length <= limits.url && URL.canParse(text) ? new URL(text) : undefined;
    const isPlain = this.#options.directory.startsWith("http:");
    const isFine =
      url !== undefined &&
      (url.protocol === "https:" || (isPlain && url.protocol === "http:")) &&
      url.username === "" &&
      url.password === "";
    if (isFine) return url.href;
    throw this.lie(`its ${what} is no address ${isPlain ? "" : "of https "}that can be asked`);
  }

  /** @param what a sentence on what it said that cannot be */
  lie(what: string): AcmeError {
    return new AcmeError("malformed", `${this.who}: ${what}`);
  }

  async #signed(
    url: string,
    payload: Payload,
    { key, accountUrl }: Signer,
    signal: AbortSignal,
  ): Promise<Answer> {
    const text = typeof payload === "string" ? payload : payload(url);
    const who = accountUrl === undefined ? { jwk: jwkOf(key) } : { kid: accountUrl };
    const headers = { "Content-Type": "application/jose+json" };
    for (let tries = 1; ; tries += 1) {
      const nonce = this.#nonces.pop() ?? (await this.#newNonce(signal));
      const body = JSON.stringify(signedRequest({ ...who, nonce, url }, text, key));
      const answer = await this.#call({ method: "POST", url, headers, body }, signal);
      if ([200, 201, 204].includes(answer.status)) return answer;
      const error = this.#refusal(answer);
      if (error.type !== "badNonce") throw error;
      if (tries === limits.nonceTries) {
        const message = `${this.who} refuses every nonce that it gives out; it is out of order`;
        throw new AcmeError("unreachable", message);
      }
      // The others are no newer; the one that came with the refusal is.
      this.#nonces = this.#nonces.slice(-1);
      if (tries > 3) await pause(limits.noncePause * tries, undefined, { signal });
    }
  }

  async #newNonce(signal: AbortSignal): Promise<string> {
    const ask = async () => {
      const url = (await this.directory(signal)).services.newNonce;
      return this.#call({ method: "HEAD", url, headers: {} }, signal);
    };
    let answer = await ask();
    if (answer.status === 404) {
      this.#directory = undefined;
      answer = await ask();
    }
    if (answer.status !== 200 && answer.status !== 204) throw this.#refusal(answer);
    const nonce = this.#nonces.pop();
    if (nonce === undefined) throw this.lie("it gives out no nonces (Replay-Nonce)");
    return nonce;
  }

  async #call(
    asked: { method: WebCall["method"]; url: string; headers: WebCall["headers"]; body?: string },
    signal: AbortSignal,
  ): Promise<Answer> {
    signal.throwIfAborted();
    const { trust, place } = this.#options;
    const headers = { "User-Agent": userAgent, "Accept-Language": "en", ...asked.headers };
    const call = { ...asked, url: new URL(asked.url), headers, tls: trust, who: this.who };
    let answer: WebAnswer;
    try {
      const bounds = { place, signal, timeout: limits.answerTimeout };
      answer = await webAnswer({ ...call, ...bounds }, limits.answerBytes);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof WebError)) throw error;
      const kind = error.kind === "large" ? "malformed" : "unreachable";
      throw new AcmeError(kind, error.message, { cause: error });
    }
    const { status, body } = answer;
    this.#take(answer.headers["replay-nonce"]);
    // Of a redirect it says the same, and is not obeyed.
    const location = status < 300 ? answer.headers.location : undefined;
    return {
      status,
      body,
      headers: answer.headers,
      location: location === undefined ? undefined : this.url(location, "Location"),
      wait: retryAfter(answer.headers["retry-after"]),
    };
  }

  #take(nonce: string | readonly string[] | undefined): void {
    if (typeof nonce !== "string" || !/^[A-Za-z0-9_-]{1,512}$/.test(nonce)) return;
    this.#nonces.push(nonce);
    if (this.#nonces.length > limits.nonces) this.#nonces.shift();
  }

  #refusal({ status, body, wait }: Answer): AcmeError {
    if (status >= 300 && status < 400) {
      return this.lie(
        `it sends us elsewhere (${status}), which ACME does not know; see ${this.#options.place}`,
      );
    }
    let value: unknown;
    try {
      value = JSON.parse(body.toString());
    } catch {
      value = undefined; // a page for humans, which says nothing that fits here
    }
    const now = Date.now();
    const retryAt = wait === undefined ? undefined : now + wait;
    return refusal({ who: this.who, status, problem: readProblem(value), retryAt, now });
  }
}
