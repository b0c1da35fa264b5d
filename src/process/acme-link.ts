// Certificates that are had by themselves, put together with the rest of the primary: what routes ask for, where it is kept, how
// proofs reach those who serve. Where nobody ends TLS, or without a state folder, it does nothing and says why.

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Outcome } from "../admin/operations.ts";
import {
  CertificateOrders,
  type GroupState,
  type OrderingWish,
} from "../acme/certificate-orders.ts";
import { Proofs } from "../acme/proofs.ts";
import { textsOf, withForeign } from "../acme/shared-proofs.ts";
import { FileShelf, type ShelfKind, shelfKinds } from "../acme/shelf.ts";
import { type KeptCertificate, Vault } from "../acme/vault.ts";
import { type Certificate, type Challenges, noCredentials } from "../config/certificate.ts";
import type { FleetSettings } from "../config/fleet-settings.ts";
import { isAnyShown, issuedFor } from "../config/certified.ts";
import type { Catalog, Route, Snapshot, StreamRoute } from "../config/snapshot.ts";
import { SharedShelf } from "../fleet/shared-shelf.ts";
import type { Log } from "../lib/log.ts";
import { LoggedOnce } from "./logged-once.ts";
import { type Asking, askingIn, isSameAsking, wishOf } from "./certificate-wishes.ts";

export interface AcmeLinkOptions {
  readonly log: Log;
  /** The state folder. */
  folder(): string | undefined;
  /** Resolves when everybody who serves has what `challenges` is now. */
  publish(): Promise<void>;
  /** `certificates` is another list now. */
  onChange(): void;
}

const noFolder =
  "there is no state folder, and what cannot be kept would be ordered at each start: set stateFolder";

export class AcmeLink implements AsyncDisposable {
  readonly #options: AcmeLinkOptions;
  readonly #proofs: Proofs;
  readonly #faults: LoggedOnce;
  #shared: SharedShelf<ShelfKind> | undefined;
  /** Of which fleet. */
  #key = "";
  /** What another node has us show. */
  #foreign: ReadonlyMap<string, string> = new Map();
  #challenges: { readonly own: Challenges; readonly value: Challenges } | undefined;
  #orders: CertificateOrders | undefined;
  #vault: Vault | undefined;
  #trouble = "";
  #wish: OrderingWish | undefined;
  /** What the wish was made of. */
  #settled: Asking | undefined;
  #isOpening = false;
  /** What the configuration before had, on its way out. */
  #closing: Promise<void> | undefined;
  #isEnded = false;

  constructor(options: AcmeLinkOptions) {
    this.#options = options;
    this.#faults = new LoggedOnce(options.log);
    this.#proofs = new Proofs(() => this.#publish());
  }

  get certificates(): readonly Certificate[] {
    return this.#orders?.certificates ?? noCredentials.certificates;
  }

  /** The same object until something changes. */
  get challenges(): Challenges {
    const own = this.#proofs.value;
    if (this.#challenges?.own !== own) {
      this.#challenges = { own, value: withForeign(own, this.#foreign) };
    }
    return this.#challenges.value;
  }

  async #publish(): Promise<void> {
    await this.#options.publish();
    await this.#shared?.show(textsOf(this.#proofs.value));
  }

  /** Before the first snapshot with TLS goes live it is known what is kept. */
  async prepare(catalog: Catalog): Promise<void> {
    const { fleet, routes, streamRoutes, tls } = catalog;
    if (!isAnyShown(catalog)) return;
    const asks = (each: Route | StreamRoute) => issuedFor(each) !== undefined;
    const isWanted = tls.acme?.isSaid === true || routes.some(asks) || streamRoutes.some(asks);
    const isKnown = this.#orders !== undefined || isWanted || this.#isKept();
    if (isKnown) await this.#open(fleet);
  }

  /** There was something to look after before. */
  #isKept(): boolean {
    const folder = this.#options.folder();
    return folder !== undefined && existsSync(join(folder, "acme"));
  }

  async #open(fleet: FleetSettings | undefined): Promise<void> {
    const key = JSON.stringify(fleet) ?? "";
    if (this.#isEnded || this.#isOpening || (this.#orders !== undefined && key === this.#key))
      return;
    this.#isOpening = true;
    try {
      const folder = this.#options.folder();
      if (folder === undefined) throw new Error(noFolder);
      this.#take(await FileShelf.open(join(folder, "acme")), fleet);
      this.#key = key;
      this.#trouble = "";
    } catch (error) {
      const trouble = error instanceof Error ? error.message : String(error);
      if (trouble !== this.#trouble) {
        this.#options.log.error("certificates cannot be kept, so none are ordered", {
          cause: trouble,
        });
      }
      this.#trouble = trouble;
    } finally {
      this.#isOpening = false;
    }
  }

  #take(shelf: FileShelf, fleet: FleetSettings | undefined): void {
    if (this.#isEnded) return;
    const { log, onChange } = this.#options;
    for (const cause of shelf.troubles) log.warn("a kept file cannot be read", { cause });
    // Not waited for: an order may be waiting for the very change that has this one made.
    this.#closing = this.#close();
    const shared = fleet === undefined ? undefined : this.#share(fleet, shelf);
    this.#shared = shared;
    this.#settled = undefined;
    const vault = new Vault(shared ?? shelf);
    this.#vault = vault;
    this.#orders = new CertificateOrders({
      ...{ log, onChange, proofs: this.#proofs, vault },
      notOurs: () => shared?.notOurs(),
    });
  }

  #share(settings: FleetSettings, local: FileShelf): SharedShelf<ShelfKind> {
    const { log, publish, onChange } = this.#options;
    return new SharedShelf({
      ...{ settings, log, local, kinds: shelfKinds, anybody: ["asked"] },
      onChange: () => {
        const before = this.certificates;
        this.#orders?.reread();
        if (this.certificates !== before) onChange();
      },
      onShown: async (shown) => {
        this.#foreign = shown;
        this.#challenges = undefined;
        await publish();
      },
    });
  }

  async #close(): Promise<void> {
    const [orders, shared, before] = [this.#orders, this.#shared, this.#closing];
    this.#orders = undefined;
    this.#shared = undefined;
    await before;
    await orders?.[Symbol.asyncDispose]();
    await shared?.[Symbol.asyncDispose]();
  }

  /** This snapshot is live. @param isServed whether a certificate of files is there for the name */
  settled(snapshot: Snapshot, isServed: (name: string) => boolean): void {
    const { acme } = snapshot.tls;
    if (acme === undefined || this.#isEnded) return;
    const asking = askingIn(snapshot, acme);
    this.#tellUnheard(asking);
    if (isSameAsking(asking, this.#settled)) return;
    this.#settled = asking;
    this.#wish = { ...wishOf(asking, snapshot), isServed };
    this.#orders?.update(this.#wish);
    // Labels or the store say it for the first time.
    if (this.#orders === undefined && asking.routes.length > 0) void this.#openLate(snapshot.fleet);
  }

  #tellUnheard({ unheard }: Asking): void {
    const message =
      "routes that are not in the file ask for certificates, and get none as long as tls.acme is not there; add tls: { acme: {} } to agree to the terms of the authority";
    this.#faults.tell(unheard === undefined ? [] : [{ message, fields: { route: unheard.name } }]);
  }

  async #openLate(fleet: FleetSettings | undefined): Promise<void> {
    await this.#open(fleet);
    if (this.#orders === undefined || this.#wish === undefined) return;
    this.#orders.update(this.#wish);
    if (this.certificates.length > 0) this.#options.onChange();
  }

  // --- for operators -----------------------------------------------------------------------------

  get kept(): readonly KeptCertificate[] {
    return this.#orders?.kept ?? [];
  }

  /** Names that have no certificate yet, or whose certificate is being renewed. */
  get states(): readonly GroupState[] {
    if (this.#orders !== undefined) return this.#orders.states();
    const { auto = [], internal = [] } = this.#wish ?? {};
    return [...auto, ...internal].map(({ route, hosts }) => ({
      ...{ route, names: hosts, state: "waiting", why: this.#trouble, failures: 1 },
    }));
  }

  /** PEM of our own; undefined = there is none yet. */
  get authority(): string | undefined {
    return this.#vault?.authority()?.cert;
  }

  /** A client asks for a name that no certificate is for. */
  asked(name: string): void {
    this.#orders?.asked(name);
  }

  /** @param certificate a name, or a fingerprint */
  renew(certificate: string): Outcome {
    const refuse = (message: string): Outcome => ({ ok: false, message });
    if (this.#orders === undefined) return refuse(this.#trouble || "no listener has TLS");
    const foreign = this.#shared?.notOurs();
    if (foreign !== undefined) return refuse(`it cannot be renewed here: ${foreign.why}`);
    const message = this.#orders.renew(certificate.toLowerCase());
    if (message === undefined) {
      return refuse(`no route with tls: auto or tls: internal is for ${certificate}`);
    }
    return { ok: true, message };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnded = true;
    await this.#close();
  }
}
