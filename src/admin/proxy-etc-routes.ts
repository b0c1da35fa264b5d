// Routes as proxy-etc has them, kept as items of the store. What else is in the store, or in the file, these calls
// neither see nor touch.

import { proxyEtcLimits as limits } from "../config/limits.ts";
import { claimsOf } from "../config/proxy-etc-source.ts";
import type { Actor } from "./accounts.ts";
import type { ItemChange } from "./configuration.ts";
import type { Operations } from "./operations.ts";
import { checkOf } from "./proxy-etc-check.ts";
import {
  additions,
  has,
  idOf,
  type Kept,
  keptIn,
  nameOf,
  removals,
  routeIn,
  suffix,
  targetIdOf,
} from "./proxy-etc-kept.ts";
import { fieldOf, type Target, targetOf, textOf } from "./proxy-etc-target.ts";

type Reply = { readonly id: number } | { readonly error: string };

const wrongParameters = { error: "parameter passed are incorrect" };

export class ProxyEtcRoutes {
  readonly #operations: Operations;
  /** One after the other, as each begins with what is there. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(operations: Operations) {
    this.#operations = operations;
  }

  async all(): Promise<readonly unknown[]> {
    const services = await this.#operations.services();
    const states = new Map(services.map((each) => [each.name, each.backends]));
    return this.#kept().map(({ source, targets, isSticky }) => ({
      _id: idOf(source),
      source,
      targets: targets.map((each) => {
        const backends = states.get(`${nameOf(source)}${suffix}`) ?? [];
        const state = backends.find(({ url }) => url === each.url)?.state;
        const status = state === "down" || state === "dead" ? "error" : "success";
        return { host: each.host, port: each.port, id: targetIdOf(source, each), status };
      }),
      sessionType: isSticky ? "Sticky" : "Non Sticky",
    }));
  }

  save(body: unknown, by: Actor): Promise<Reply | "Error"> {
    return this.#inTurn(async () => {
      const wanted = routeIn(fieldOf(body, "route"));
      if (wanted === undefined) return "Error";
      const refused = this.#refused(wanted.source);
      if (refused !== undefined) return refused;
      return this.#change(additions(wanted), by, idOf(wanted.source));
    });
  }

  update(body: unknown, by: Actor): Promise<Reply | "Error"> {
    return this.#inTurn(async () => {
      const route = fieldOf(body, "route");
      const wanted = routeIn(route);
      if (wanted === undefined) return "Error";
      const old = this.#byId(fieldOf(route, "_id"));
      if (old === undefined) return { id: 0 };
      const next = { ...wanted, check: old.check, revision: old.revision };
      if (old.source === wanted.source) return this.#change(additions(next), by);
      const refused = this.#refused(wanted.source);
      if (refused !== undefined) return refused;
      const added = additions({ ...next, revision: undefined });
      return this.#change([...removals(old), ...added], by);
    });
  }

  delete(body: unknown, by: Actor): Promise<Reply> {
    return this.#inTurn(async () => {
      const old = this.#byId(fieldOf(body, "id"));
      return old === undefined ? { id: 0 } : this.#change(removals(old), by);
    });
  }

  deleteBySource(body: unknown, by: Actor): Promise<Reply> {
    return this.#inTurn(async () => {
      const source = textOf(fieldOf(body, "source"));
      if (source === undefined) return { error: "parameter passed is incorrect" };
      const old = this.#bySource(source);
      if (old === undefined) return { error: `Source with name ${source} not existed` };
      return this.#change(removals(old), by);
    });
  }

  add(body: unknown, by: Actor): Promise<Reply> {
    return this.#inTurn(async () => {
      const source = textOf(fieldOf(body, "source"));
      const target = targetOf(fieldOf(body, "target"));
      if (source === undefined || target === undefined) return wrongParameters;
      const old = this.#bySource(source);
      if (old === undefined) {
        const refused = this.#refused(source);
        if (refused !== undefined) return refused;
        const route = { source, targets: [target], isSticky: false, check: undefined };
        return this.#change(additions({ ...route, revision: undefined }), by, idOf(source));
      }
      if (has(old, target)) return { error: "Target is already existed" };
      if (old.targets.length >= limits.targets) return wrongParameters;
      const targets = [...old.targets, target];
      return this.#change(additions({ ...old, targets }), by, idOf(source));
    });
  }

  updateTarget(body: unknown, by: Actor): Promise<Reply> {
    return this.#withTarget({ body, key: "oldTarget", by }, (old, target) => {
      const next = targetOf(fieldOf(body, "newTarget"));
      if (next === undefined) return wrongParameters;
      if (next.url !== target.url && has(old, next)) return { error: "Target is already existed" };
      const targets = old.targets.map((each) => (each.url === target.url ? next : each));
      return additions({ ...old, targets });
    });
  }

  /** With the last one its route goes: it could answer nothing. */
  deleteTarget(body: unknown, by: Actor): Promise<Reply> {
    return this.#withTarget({ body, key: "target", by }, (old, target) => {
      const targets = old.targets.filter(({ url }) => url !== target.url);
      return targets.length === 0 ? removals(old) : additions({ ...old, targets });
    });
  }

  updateConfig(body: unknown, by: Actor): Promise<Reply> {
    return this.#inTurn(async () => {
      const id = Number(fieldOf(body, "id"));
      const old = this.#kept().find(({ source, targets }) =>
        targets.some((each) => targetIdOf(source, each) === id),
      );
      if (old === undefined) return { id: 0 };
      const read = checkOf(fieldOf(body, "config"));
      if (read.kind === "bad") return { error: read.why };
      return this.#change(additions({ ...old, check: read.check }), by);
    });
  }

  // --- what is there -----------------------------------------------------------------------------

  #kept(): readonly Kept[] {
    return this.#operations.configuration.rows("services").flatMap((row) => {
      const kept = keptIn(row);
      return kept === undefined ? [] : [kept];
    });
  }

  #bySource(source: string): Kept | undefined {
    const row = this.#operations.configuration.row("services", `${nameOf(source)}${suffix}`);
    return row === undefined ? undefined : keptIn(row);
  }

  /** Two of many thousand sources may have one number: then it is said of neither which is meant. */
  #byId(id: unknown): Kept | undefined {
    const found = this.#kept().filter(({ source }) => idOf(source) === Number(id));
    return found.length === 1 ? found[0] : undefined;
  }

  /** Why there can be no route for it. */
  #refused(source: string): Reply | undefined {
    if (this.#bySource(source) !== undefined) {
      return { error: `Route with source : ${source} already exists` };
    }
    if (claimsOf(source).length === 0) return wrongParameters;
    if (!/^\d+$/.test(source)) return undefined;
    // Listeners are said in the file alone.
    const { listeners } = this.#operations.status();
    const ports = listeners.flatMap(({ addresses }) => addresses.map(({ port }) => port));
    return ports.includes(Number(source))
      ? undefined
      : { error: `Port ${source} is already in use or not existed` };
  }

  // --- changes -----------------------------------------------------------------------------------

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {}); // whoever asked is told
    return result;
  }

  #withTarget(
    { body, key, by }: { readonly body: unknown; readonly key: string; readonly by: Actor },
    changed: (old: Kept, target: Target) => readonly ItemChange[] | { readonly error: string },
  ): Promise<Reply> {
    return this.#inTurn(async () => {
      const source = textOf(fieldOf(body, "source"));
      const target = targetOf(fieldOf(body, key));
      if (source === undefined || target === undefined) return wrongParameters;
      const old = this.#bySource(source);
      if (old === undefined) return { error: `Route with source : ${source} not exists` };
      if (!has(old, target)) return { id: 0 };
      const changes = changed(old, target);
      return "error" in changes ? changes : this.#change(changes, by);
    });
  }

  async #change(changes: readonly ItemChange[], by: Actor, id = 1): Promise<Reply> {
    const options = { by: `${by.by} from ${by.from}`, note: "proxy-etc call", isDryRun: false };
    const outcome = await this.#operations.configuration.change(changes, options);
    switch (outcome.kind) {
      case "done":
        this.#note(changes, by, outcome.revision);
        return { id };
      case "failed":
        return { error: outcome.message };
      case "invalid": {
        const [first] = outcome.problems;
        return { error: first === undefined ? "Error" : first.message };
      }
      default:
        return { error: "it was changed by somebody else meanwhile" };
    }
  }

  /** In the audit. */
  #note(changes: readonly ItemChange[], by: Actor, revision: number): void {
    const access = this.#operations.access();
    const words = changes
      .filter(({ section }) => section === "services")
      .map(({ name, value }) => `${value === undefined ? "delete" : "put"} services ${name}`);
    const what = `proxy-etc call: ${words.join(", ")}`;
    if (access.kind === "open") access.accounts.note(by, what, { revision });
  }
}
