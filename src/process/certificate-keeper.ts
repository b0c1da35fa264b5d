// What the primary adds to a snapshot for listeners with TLS: certificates of files and folders, those that are kept elsewhere, the one that
// is shown when none fits, and what session tickets are sealed with. What did not change is the same object every time: thousands of
// certificates are not sent to workers again for a route.

import type { CertificateRow } from "../admin/operations.ts";
import type { HeldCertificate } from "../certificates/certificate-file.ts";
import { fallbackCertificate } from "../certificates/fallback.ts";
import { Stapler } from "../certificates/stapler.ts";
import { WatchedPlaces } from "../certificates/watched-places.ts";
import { type Certificate, type Credentials, noCredentials } from "../config/certificate.ts";
import type { CertificateItem } from "../config/certificate-item.ts";
import { isAnyShown } from "../config/certified.ts";
import { certificateLimits } from "../config/tls-limits.ts";
import type { Catalog, Snapshot } from "../config/snapshot.ts";
import type { CertificatePlace } from "../config/tls-settings.ts";
import type { Log } from "../lib/log.ts";
import type { AcmeLink } from "./acme-link.ts";
import { waitingRows, withoutUnwanted, withRenewals } from "./acme-rows.ts";
import { certificateItemRows } from "./certificate-item-rows.ts";
import { certificateRows } from "./certificate-rows.ts";
import { inOrderOfTrust, isSameItems } from "./certificate-sources.ts";
import { LoggedOnce } from "./logged-once.ts";
import type { TicketNote } from "./messages.ts";
import { LeftOut } from "./left-out.ts";
import { NeededNames } from "./needed-names.ts";
import { withoutSuperseded } from "./superseded.ts";
import { TicketSecret } from "./ticket-secret.ts";
import { Uncovered } from "./uncovered.ts";

export interface CertificateKeeperOptions {
  readonly log: Log;
  /** Certificates that are had by themselves. */
  readonly acme: AcmeLink;
  /** What the primary before us left. */
  inherited(): Promise<TicketNote | undefined>;
  /** For our successor. */
  onTicket(ticket: TicketNote): void;
  /** `credentialsFor` gives something else now. */
  onChange(): void;
  /** How it stands with those that are needed; now and then, and when something changed. */
  onLook(rows: readonly CertificateRow[]): void;
}

const logged: Readonly<Record<CertificateRow["state"], string>> = {
  ok: "",
  "expires soon": "a certificate expires soon",
  expired: "a certificate has expired",
  "not yet valid": "a certificate is not yet valid",
  unusable: "a certificate cannot be used",
  ordering: "a certificate is ordered",
  waiting: "a certificate could not be had yet",
};

export class CertificateKeeper implements Disposable {
  readonly #options: CertificateKeeperOptions;
  readonly #places: WatchedPlaces;
  readonly #ticket: TicketSecret;
  readonly #stapler: Stapler;
  readonly #leftOut = new LeftOut();
  readonly #uncovered = new Uncovered();
  readonly #faults: LoggedOnce;
  readonly #looking: NodeJS.Timeout;
  #isInherited = false;
  #isPreparing = false;
  /** Before that nobody is shown anything, and what is inherited is not known. */
  #isPrepared = false;
  #fallback: Certificate | undefined;
  /** Counts changes of what places hold. */
  #changes = 0;
  #made: { readonly key: string; readonly credentials: Credentials } | undefined;
  #live: Pick<Snapshot, "listeners" | "routes" | "streamRoutes" | "tls" | "providers"> | undefined;
  /** What is live of those that are kept elsewhere. */
  #said: readonly CertificateItem[] = [];
  #needed: NeededNames | undefined;
  #served = { changes: -1, until: 0, names: new Set<string>() };

  constructor(options: CertificateKeeperOptions) {
    this.#options = options;
    this.#faults = new LoggedOnce(options.log);
    this.#places = new WatchedPlaces(options.log, () => this.#onChange());
    this.#ticket = new TicketSecret({
      onNew: (note) => options.onTicket(note),
      onRenewed: () => options.onChange(),
    });
    this.#stapler = new Stapler({
      onChange: () => {
        options.onChange();
        this.#look();
      },
    });
    this.#looking = setInterval(() => this.#look(), certificateLimits.look).unref();
  }

  /** Whoever is about to go live with this catalog waits for what it names. */
  async prepare(catalog: Catalog): Promise<void> {
    const before = this.#changes;
    this.#isPreparing = true;
    try {
      await this.#inherit();
      await this.#places.prepare(catalog.tls.places);
      await this.#options.acme.prepare(catalog);
      if (isAnyShown(catalog)) {
        await this.#stapler.prepare(this.#allOf(catalog.tls.places, this.#said));
      }
      this.#isPrepared = true;
    } finally {
      this.#isPreparing = false;
    }
    // Whatever becomes of this catalog, what was read is shown.
    if (this.#live !== undefined && this.#changes !== before) this.#options.onChange();
  }

  async #inherit(): Promise<void> {
    if (this.#isInherited) return;
    this.#isInherited = true;
    const note = await this.#options.inherited();
    if (note !== undefined) this.#ticket.inherit(note);
  }

  /** @param said outside the file, the most trusted first */
  credentialsFor(
    { listeners, streamRoutes, tls }: Catalog,
    said: readonly CertificateItem[],
  ): Credentials {
    const isNeeded = [...listeners, ...streamRoutes].some((each) => each.tls !== undefined);
    if (!isNeeded || !this.#isPrepared) return noCredentials;
    const ticketSecret = this.#ticket.value;
    const key = JSON.stringify([this.#changes, ticketSecret, tls.places]);
    const { challenges } = this.#options.acme;
    const certificates = this.#certificatesOf(tls.places, said);
    const before = this.#made?.credentials;
    const isSame = before?.certificates === certificates && before.challenges === challenges;
    if (this.#made?.key === key && isSame) return this.#made.credentials;
    this.#fallback ??= fallbackCertificate();
    const credentials: Credentials = {
      ...{ fallback: this.#fallback, challenges, ticketSecret, certificates },
    };
    this.#made = { key, credentials };
    return credentials;
  }

  #allOf(
    places: readonly CertificatePlace[],
    said: readonly CertificateItem[],
  ): readonly Certificate[] {
    const ofFiles = this.#places.held(places).map(({ certificate }) => certificate);
    const leftOut = this.#leftOutOf(places).map(({ certificate }) => certificate);
    return inOrderOfTrust(ofFiles, said, [...this.#options.acme.certificates, ...leftOut]);
  }

  #leftOutOf(places: readonly CertificatePlace[]): readonly HeldCertificate[] {
    if (this.#live === undefined) return [];
    this.#needed ??= new NeededNames(this.#live);
    const said = this.#said.flatMap((each) => each.held.map(({ certificate }) => certificate));
    const others = [...said, ...this.#options.acme.certificates];
    return this.#leftOut.of(this.#places.held(places), others, this.#needed);
  }

  #certificatesOf(
    places: readonly CertificatePlace[],
    said: readonly CertificateItem[],
  ): readonly Certificate[] {
    const now = this.#stapler.stapled(this.#allOf(places, said));
    const before = this.#made?.credentials.certificates ?? [];
    const isSame = now.length === before.length && now.every((each, at) => each === before[at]);
    return isSame ? before : now;
  }

  #onChange(): void {
    this.#changes++;
    // That is told at its end.
    if (this.#isPreparing) return;
    this.#options.onChange();
    this.#look();
  }

  /** This snapshot is live; nobody needs the places of another one. */
  settled(snapshot: Snapshot, said: readonly CertificateItem[]): void {
    const { listeners, tls, routes, streamRoutes, providers } = snapshot;
    const before = this.#live;
    this.#live = { listeners, routes, streamRoutes, tls, providers };
    if (tls !== before?.tls || routes !== before.routes) this.#needed = undefined;
    if (streamRoutes !== before?.streamRoutes) this.#needed = undefined;
    const isSaidAnew = !isSameItems(said, this.#said);
    this.#said = said;
    if (isSaidAnew || tls !== before?.tls) this.#served = { ...this.#served, changes: -1 };
    this.#options.acme.settled(snapshot, (name) => this.#isServed(name));
    if (tls !== before?.tls) this.#places.settle(tls.places);
    else if (!isSaidAnew) return;
    this.#look();
  }

  /** Somebody looks after a certificate for it, in files or elsewhere. */
  #isServed(name: string): boolean {
    const now = Date.now();
    if (this.#served.changes !== this.#changes || now > this.#served.until) {
      const ofFiles = this.#places.held(this.#live?.tls.places ?? []);
      const held = [...ofFiles, ...this.#said.flatMap((each) => each.held)];
      const valid = held.filter(({ certificate: { notAfter } }) => now < notAfter);
      const names = new Set(valid.flatMap(({ certificate }) => certificate.names));
      this.#served = { changes: this.#changes, until: now + certificateLimits.look, names };
    }
    const { names } = this.#served;
    return names.has(name) || names.has(`*${name.slice(name.indexOf("."))}`);
  }

  rows(): readonly CertificateRow[] {
    if (this.#live === undefined) return [];
    const { providers, tls } = this.#live;
    const { places } = tls;
    this.#needed ??= new NeededNames(this.#live);
    const { kept, states } = this.#options.acme;
    const withStaple = (each: HeldCertificate) => this.#withStaple(each);
    const common = { needed: this.#needed, now: Date.now() };
    const rows = certificateRows({
      ...common,
      held: [...this.#places.held(places).map(withStaple), ...this.#leftOutOf(places)],
      faults: this.#places.faults(places),
    });
    const limited = providers.filter(({ hosts }) => hosts !== undefined);
    const guests = new Set(limited.map(({ name }) => name));
    const items = certificateItemRows({ ...common, items: this.#said, guests, withStaple });
    const own = certificateRows({
      ...common,
      held: withRenewals(kept, states).map(withStaple),
      faults: [],
    });
    return withoutSuperseded([
      ...[...rows, ...items, ...withoutUnwanted(own, kept, states)],
      ...waitingRows(kept, states),
      ...this.#uncovered.rows(
        this.#live,
        new Set(this.#made?.credentials.certificates.flatMap((each) => each.names)),
      ),
    ]);
  }

  #withStaple(held: HeldCertificate): HeldCertificate {
    const trouble = this.#stapler.troubleOf(held.certificate.id);
    if (trouble === undefined) return held;
    const { why, isBad } = trouble;
    return isBad ? { ...held, refused: why } : { ...held, remarks: [...held.remarks, why] };
  }

  #look(): void {
    const needed = this.rows().filter(({ isNeeded }) => isNeeded);
    this.#options.onLook(needed);
    this.#faults.tell(
      needed
        .filter(({ state }) => state !== "ok")
        .map(({ state, source, names, why }) => ({
          message: logged[state],
          fields: { source, names: names.slice(0, 3).join(" "), why },
        })),
    );
  }

  [Symbol.dispose](): void {
    clearInterval(this.#looking);
    this.#places[Symbol.dispose]();
    this.#stapler[Symbol.dispose]();
    this.#ticket[Symbol.dispose]();
  }
}
