// Our account with a certificate authority: found or made by its key, and kept by whoever gave it (`keep`) before
// anything is done with it, so that no end of this process loses it.

import { createPrivateKey, type KeyObject } from "node:crypto";
import { listAt, textAt } from "../lib/json.ts";
import { AcmeError } from "./acme-error.ts";
import { boundAccount, type ExternalBinding, jwkOf, signedRequest } from "./jws.ts";
import type { Answer, Payload, Signer, Target, Wire } from "./wire.ts";

/** Plain data, with secrets. */
export interface AccountState {
  /** PEM. */
  readonly keyPem: string;
  /** undefined: not made, or not found yet. */
  readonly url?: string;
  /** What the authority was told last of how to reach us. */
  readonly contact?: readonly string[];
  /** A key that was about to take the other one's place. The authority is asked which one it is. */
  readonly nextKeyPem?: string;
}

export interface AccountOptions {
  readonly state: AccountState;
  /** `mailto:` addresses. */
  readonly contact: readonly string[];
  /** That the operator has agreed to the authority's terms of service. */
  readonly termsAgreed: boolean;
  readonly binding: ExternalBinding | undefined;
  /** Where all that is configured, for messages. */
  readonly place: string;
  /** Awaited before anything else is asked. */
  keep(state: AccountState): Promise<void>;
}

export class Account {
  readonly #wire: Wire;
  readonly #options: AccountOptions;
  #state: AccountState;
  #key: KeyObject;
  #opening: { readonly done: Promise<string>; readonly signal: AbortSignal } | undefined;

  constructor(wire: Wire, options: AccountOptions) {
    this.#wire = wire;
    this.#options = options;
    this.#state = options.state;
    try {
      this.#key = createPrivateKey(options.state.keyPem);
    } catch {
      // OpenSSL's words help nobody.
      throw this.#refuse(
        "the kept key of our account cannot be read; without it another account is made",
      );
    }
  }

  get key(): KeyObject {
    return this.#key;
  }

  /** Its address; asks the authority only when there is something to settle. */
  async open(signal: AbortSignal): Promise<string> {
    for (;;) {
      signal.throwIfAborted();
      const { url } = this.#state;
      if (url !== undefined && this.#isSettled()) return url;
      const other = this.#opening;
      if (other === undefined) break;
      try {
        return await other.done;
      } catch (error) {
        // That whoever began it has given up says nothing to the others.
        if (!other.signal.aborted) throw error;
      }
    }
    const opening = { done: this.#settle(signal), signal };
    this.#opening = opening;
    try {
      return await opening.done;
    } finally {
      this.#opening = undefined;
    }
  }

  /** A question in the name of the account. */
  async post(target: Target, payload: Payload, signal: AbortSignal): Promise<Answer> {
    const url = await this.open(signal);
    try {
      return await this.#wire.post(target, payload, { key: this.#key, accountUrl: url }, signal);
    } catch (error) {
      if (!(error instanceof AcmeError) || error.type !== "accountDoesNotExist") throw error;
      // It lost its accounts, as authorities for tests do at each start, or has moved.
      if (this.#state.url === url) this.#state = { keyPem: this.#state.keyPem };
      const accountUrl = await this.open(signal);
      return this.#wire.post(target, payload, { key: this.#key, accountUrl }, signal);
    }
  }

  /**
   * Another key for the same account (RFC 8555 section 7.3.5). Answers to challenges that wait for the authority
   * were made with the old one, and are wrong afterwards.
   */
  async rollOver(newKeyPem: string, signal: AbortSignal): Promise<void> {
    const account = await this.open(signal);
    const next = createPrivateKey(newKeyPem);
    await this.#keep({ ...this.#state, nextKeyPem: newKeyPem });
    const payload = JSON.stringify({ account, oldKey: jwkOf(this.#key) });
    const change = (url: string) =>
      JSON.stringify(signedRequest({ jwk: jwkOf(next), url }, payload, next));
    const signer = { key: this.#key, accountUrl: account };
    await this.#wire.post({ service: "keyChange" }, change, signer, signal);
    await this.#adopt(newKeyPem, account);
  }

  /** For good: the authority does nothing for it any more. */
  async deactivate(signal: AbortSignal): Promise<void> {
    const url = await this.open(signal);
    await this.post({ url }, JSON.stringify({ status: "deactivated" }), signal);
    await this.#keep({ keyPem: this.#state.keyPem });
  }

  #isSettled(): boolean {
    const { nextKeyPem, contact = [] } = this.#state;
    return nextKeyPem === undefined && isSame(contact, this.#options.contact);
  }

  async #settle(signal: AbortSignal): Promise<string> {
    await this.#settleKey(signal);
    const url = this.#state.url ?? (await this.#findOrMake(signal));
    if (!isSame(this.#state.contact ?? [], this.#options.contact)) await this.#tell(url, signal);
    return url;
  }

  async #settleKey(signal: AbortSignal): Promise<void> {
    const { nextKeyPem, ...rest } = this.#state;
    if (nextKeyPem === undefined) return;
    const signer: Signer = { key: createPrivateKey(nextKeyPem), accountUrl: undefined };
    const question = JSON.stringify({ onlyReturnExisting: true });
    try {
      const answer = await this.#wire.post({ service: "newAccount" }, question, signer, signal);
      await this.#adopt(nextKeyPem, this.#urlIn(answer));
    } catch (error) {
      if (!(error instanceof AcmeError) || error.type !== "accountDoesNotExist") throw error;
      await this.#keep(rest);
    }
  }

  async #findOrMake(signal: AbortSignal): Promise<string> {
    const { contact, termsAgreed, binding } = this.#options;
    const { terms, needsBinding } = await this.#wire.directory(signal);
    if (terms !== undefined && !termsAgreed) throw this.#refuse(`agree to its terms: ${terms}`);
    if (needsBinding && binding === undefined) {
      throw this.#refuse(
        "it serves its customers alone: set the key id and the HMAC key of an external account binding, which its web pages give",
      );
    }
    if (binding !== undefined && !/^[\w+/-]{16,}={0,2}$/.test(binding.hmacKey)) {
      throw this.#refuse(
        "the HMAC key of the external account binding is no base64url of 16 or more",
      );
    }
    const payload = (url: string) =>
      JSON.stringify({
        termsOfServiceAgreed: termsAgreed,
        ...(contact.length === 0 ? {} : { contact }),
        ...(binding === undefined
          ? {}
          : { externalAccountBinding: boundAccount(binding, url, this.#key) }),
      });
    const signer = { key: this.#key, accountUrl: undefined };
    const answer = await this.#wire.post({ service: "newAccount" }, payload, signer, signal);
    const url = this.#urlIn(answer);
    // Of one that was there before it may know another one; some authorities do not say.
    const told = answer.status === 201 ? contact : contactIn(this.#wire.json(answer));
    await this.#keep({ ...this.#state, url, contact: told });
    return url;
  }

  async #tell(url: string, signal: AbortSignal): Promise<void> {
    const { contact } = this.#options;
    const signer = { key: this.#key, accountUrl: url };
    await this.#wire.post({ url }, JSON.stringify({ contact }), signer, signal);
    await this.#keep({ ...this.#state, contact });
  }

  async #adopt(keyPem: string, url: string): Promise<void> {
    const { contact } = this.#state;
    await this.#keep({ keyPem, url, ...(contact === undefined ? {} : { contact }) });
    this.#key = createPrivateKey(keyPem);
  }

  async #keep(state: AccountState): Promise<void> {
    await this.#options.keep(state);
    this.#state = state;
  }

  #urlIn(answer: Answer): string {
    const status = textAt(this.#wire.json(answer), "status");
    if (status !== "valid") {
      throw this.#refuse(
        `our account is ${status || "in no state"}: have another one made, by removing its file in acme/accounts of the state folder`,
      );
    }
    if (answer.location === undefined) throw this.#wire.lie("it names no address of our account");
    return answer.location;
  }

  #refuse(what: string): AcmeError {
    return new AcmeError("account", `${this.#wire.who}: ${what} (${this.#options.place})`);
  }
}

function contactIn(account: unknown): readonly string[] {
  return listAt(account, "contact").filter((each) => typeof each === "string");
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((each) => other.includes(each));
}
