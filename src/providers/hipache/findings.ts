// What is told of lists that cannot be used as they are: as many as anybody reads.

import type { Finding, FoundRoute, Note } from "../../config/finding.ts";
import { sources } from "../../config/provider-limits.ts";
import { formatRule } from "../../config/rule.ts";
import type { HipacheSettings } from "../../config/source-settings.ts";
import { tooMuch } from "../redis/kept-keys.ts";
import type { Frontend } from "./frontend.ts";

export class Findings {
  readonly #settings: HipacheSettings;
  readonly #told: Finding[] = [];
  #untold = 0;

  constructor(settings: HipacheSettings) {
    this.#settings = settings;
  }

  /** @param frontend undefined = it is not routed */
  add(key: string, frontend: Frontend | undefined, notes: readonly Note[]): void {
    if (notes.length === 0) return;
    if (this.#told.length >= sources.findings) {
      this.#untold++;
      return;
    }
    const state = frontend === undefined ? "not routed" : "routed";
    const became = frontend === undefined ? [] : [routeOf(frontend)];
    this.#told.push({ ...this.#blank, name: key, state, became, notes });
  }

  /** @param left how many keys are left alone */
  all(left: number): readonly Finding[] {
    const notes: Note[] = [];
    const note = (message: string, remedy?: string) =>
      notes.push({ severity: "error", about: "", message, remedy });
    if (left > 0) note(tooMuch(left).message, tooMuch(left).remedy);
    if (this.#untold > 0) {
      note(
        `there is something to say of ${this.#untold} more keys; it is said when these are gone`,
      );
    }
    if (notes.length === 0) return this.#told;
    const { name } = this.#settings;
    return [{ ...this.#blank, name, state: "reading", became: [], notes }, ...this.#told];
  }

  get #blank() {
    const { name: provider } = this.#settings;
    return { provider, platform: "hipache", id: "", project: undefined, addresses: [] };
  }
}

function routeOf({ route, service }: Frontend): FoundRoute {
  return {
    route: route.name,
    rule: formatRule(route.rule),
    service: service.name,
    backend: service.backends[0]?.url,
    dialect: "tidegate",
  };
}

export function beatenBy({ service }: Frontend): Note {
  const winner = service.origin.place.replace(/^key /, "");
  const message = `is for the same host as ${winner}, which counts`;
  return { severity: "error", about: "", message, remedy: "delete one of them" };
}
