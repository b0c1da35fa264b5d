// The calls by which older programs were steered, as the configuration wants them: opened and closed when it changes.

import { DockerProxyApi } from "../admin/docker-proxy-api.ts";
import type { Operations } from "../admin/operations.ts";
import { ProxyEtcApi } from "../admin/proxy-etc-api.ts";
import type { Address, Compat } from "../config/snapshot.ts";
import type { Log } from "../lib/log.ts";

export interface OldApisOptions {
  readonly operations: Operations;
  readonly log: Log;
}

interface Opening extends OldApisOptions {
  readonly address: Address;
}

interface Closable {
  close(): Promise<void>;
}

const kinds = {
  dockerProxyApi: (opening: Opening): Promise<Closable> => DockerProxyApi.open(opening),
  proxyEtcApi: (opening: Opening): Promise<Closable> => ProxyEtcApi.open(opening),
} as const;

type Kind = keyof typeof kinds;

export class OldApis {
  readonly #options: OldApisOptions;
  readonly #open = new Map<Kind, { readonly key: string; readonly api: Closable | undefined }>();

  constructor(options: OldApisOptions) {
    this.#options = options;
  }

  async update(compat: Compat): Promise<void> {
    await this.#goOverTo("dockerProxyApi", compat.dockerProxyApi);
    await this.#goOverTo("proxyEtcApi", compat.proxyEtcApi);
  }

  async #goOverTo(kind: Kind, address: Address | undefined): Promise<void> {
    const key = JSON.stringify(address) ?? "";
    const before = this.#open.get(kind) ?? { key: "", api: undefined };
    const isSame = before.key === key;
    if (isSame && (before.api !== undefined || address === undefined)) return;
    await before.api?.close();
    this.#open.set(kind, { key, api: undefined });
    if (address === undefined) return;
    try {
      this.#open.set(kind, { key, api: await kinds[kind]({ ...this.#options, address }) });
      if (isSame) this.#options.log.info(`compat.${kind}: its address is open now`);
    } catch (error) {
      // Whoever has it may leave it: it is tried again with every snapshot, and told of once.
      if (isSame) return;
      const cause = error instanceof Error ? error.message : String(error);
      const remedy = "end what listens there, then tidegate reload";
      this.#options.log.error(`compat.${kind}: its address cannot be opened`, { cause, remedy });
    }
  }

  async close(): Promise<void> {
    const open = [...this.#open.values()].flatMap(({ api }) => api ?? []);
    await Promise.all(open.map((each) => each.close()));
  }
}
