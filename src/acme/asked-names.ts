// Names that clients asked for and no route names: whether they may have a certificate is said by the operator, as a list of
// hosts or by a program that is asked. Anybody can ask for any name, so all of it is bounded.

import { createHash } from "node:crypto";
import { acmeLimits as limits } from "../config/acme-limits.ts";
import type { OnDemandSettings } from "../config/acme-settings.ts";
import type { Log } from "../lib/log.ts";
import { webAnswer } from "../lib/web-call.ts";
import { certificateName } from "../x509/names.ts";
import type { Wanted } from "./plan.ts";
import type { AskedName, Vault } from "./vault.ts";

/** In the place of a route's name. */
export const onDemand = "on demand";

export interface AskedNamesOptions {
  readonly vault: Vault;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** There is a certificate for it, or will be. */
  isCovered(name: string): boolean;
  /** `wanted` is another list. */
  onChange(): void;
}

export class AskedNames {
  readonly #options: AskedNamesOptions;
  #settings: OnDemandSettings | undefined;
  /** Until when we do not ask again about names that were refused; ms since 1970. */
  readonly #refused = new Map<string, number>();
  readonly #asking = new Set<string>();
  #minute = 0;
  #count = 0;

  constructor(options: AskedNamesOptions) {
    this.#options = options;
  }

  take(settings: OnDemandSettings | undefined): void {
    this.#settings = settings;
  }

  /** Those that may have one, and that somebody asked for lately. */
  wanted(now: number): readonly Wanted[] {
    const settings = this.#settings;
    if (settings === undefined) return [];
    return this.#options.vault
      .askedNames()
      .filter(({ name, askedAt }) => now - askedAt < limits.askedAge && isAllowed(settings, name))
      .map(({ name }) => ({ route: onDemand, hosts: [name], by: "client" }));
  }

  /** A client asked for it. */
  async asked(text: string): Promise<void> {
    const now = Date.now();
    const name = certificateName(text);
    const settings = this.#settings;
    if (settings === undefined || name?.kind !== "dns" || !isAllowed(settings, name.value)) return;
    const { value } = name;
    const known = this.#options.vault.askedName(idOf(value));
    // That it is still asked for is kept once a day.
    if (known !== undefined && Math.abs(now - known.askedAt) < limits.askedKept) return;
    if (known === undefined && this.#options.isCovered(value)) return;
    if (this.#isBarred(value, now)) return;
    this.#asking.add(value);
    try {
      await this.#decide(value, settings, now);
    } finally {
      this.#asking.delete(value);
    }
  }

  #isBarred(name: string, now: number): boolean {
    const minute = Math.floor(now / 60_000);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#count = 0;
    }
    const isRefused = (this.#refused.get(name) ?? 0) > now;
    const isMany = this.#asking.size >= limits.askedAtOnce || this.#count >= limits.askedPerMinute;
    if (isRefused || isMany || this.#asking.has(name)) return true;
    this.#count++;
    return false;
  }

  async #decide(name: string, settings: OnDemandSettings, now: number): Promise<void> {
    const { vault, log, onChange } = this.#options;
    const why = settings.ask === undefined ? "" : await this.#refusal(name, settings.ask);
    if (why !== "") {
      if (this.#refused.size >= limits.askedNames) this.#refused.clear();
      this.#refused.set(name, now + limits.askedAgain);
      log.info("a name that clients ask for gets no certificate", { name, why });
      return;
    }
    await this.#makeRoom(vault.askedNames(), now);
    await vault.keepAskedName(idOf(name), { name, askedAt: now });
    onChange();
  }

  /** Those nobody asked for for longest go. */
  async #makeRoom(known: readonly AskedName[], now: number): Promise<void> {
    const old = known.filter(({ askedAt }) => now - askedAt >= limits.askedAge);
    const oldest = known.toSorted((a, b) => a.askedAt - b.askedAt);
    const tooMany = Math.max(0, known.length + 1 - limits.askedNames);
    for (const { name } of new Set([...old, ...oldest.slice(0, tooMany)])) {
      await this.#options.vault.forgetAskedName(idOf(name));
    }
  }

  /** "" = it may. */
  async #refusal(name: string, ask: string): Promise<string> {
    const url = new URL(ask);
    const who = url.origin;
    url.searchParams.set("domain", name);
    try {
      const { status } = await webAnswer(
        {
          ...{ url, method: "GET", headers: {}, tls: undefined, signal: this.#options.signal },
          ...{ who, place: "tls.acme.onDemand.ask", timeout: limits.ask },
        },
        limits.askBytes,
      );
      return status === 200 ? "" : `${who} answered ${status}`;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
}

function isAllowed({ hosts, ask }: OnDemandSettings, name: string): boolean {
  if (hosts.length === 0) return ask !== undefined;
  return hosts.some(
    (each) => each === name || (each.startsWith("*.") && name.endsWith(each.slice(1))),
  );
}

function idOf(name: string): string {
  return createHash("sha256").update(name).digest("hex").slice(0, 32);
}
