// TLS with clients, for all listeners of a process: what outlives a snapshot, and what each listener needs of it.

import type { Listener, Snapshot } from "../config/snapshot.ts";
import { tlsLimits } from "../config/tls-limits.ts";
import type { TlsOptions } from "../config/tls-settings.ts";
import { Turnstile } from "../lib/turnstile.ts";
import { CertificateIndex } from "./certificate-index.ts";
import { Chooser } from "./chooser.ts";
import { Contexts } from "./contexts.ts";
import { AskedFor } from "./asked-for.ts";

export class ServerTls {
  /** One after the other, of all listeners together: they share the processor. */
  readonly handshakes = new Turnstile(tlsLimits.perTurn, tlsLimits.waiting);
  #index = new CertificateIndex([], Date.now);
  #certificates: Snapshot["credentials"]["certificates"] = [];
  #contexts = new Contexts("");
  readonly #unknown: AskedFor;
  readonly #known: AskedFor;

  /** @param onAsked a client asks for a name that gets a certificate on demand */
  constructor(onAsked: (name: string) => void) {
    this.#unknown = new AskedFor(onAsked, tlsLimits.unknownAgain);
    this.#known = new AskedFor(onAsked, tlsLimits.knownAgain);
  }

  /** What did not change is kept: ten thousand names are not sorted again for a route. */
  take({ tls, credentials: { certificates, ticketSecret } }: Snapshot): void {
    this.#unknown.take(tls.demanded);
    this.#known.take(tls.demanded);
    if (certificates !== this.#certificates) {
      this.#certificates = certificates;
      this.#index = new CertificateIndex(certificates, Date.now);
    }
    if (ticketSecret !== this.#contexts.ticketSecret) this.#contexts = new Contexts(ticketSecret);
  }

  /** undefined: what comes to this listener is in the clear. Of the snapshot taken last. */
  chooserFor({ tls: options, http2 }: Listener, snapshot: Snapshot): Chooser | undefined {
    return options === undefined ? undefined : this.#chooser(options, snapshot, http2);
  }

  /** For routes of streams that end TLS, of whatever listener. Of the snapshot taken last. */
  streamChooser(snapshot: Snapshot): Chooser {
    return this.#chooser(snapshot.tls.options, snapshot, false);
  }

  #chooser(options: TlsOptions, { tls, credentials }: Snapshot, isHttp2: boolean): Chooser {
    return new Chooser({
      ...{ settings: tls, credentials, options, isHttp2 },
      ...{ index: this.#index, contexts: this.#contexts },
      onAsked: (name, isKnown) => (isKnown ? this.#known : this.#unknown).asked(name),
    });
  }
}
