// A service made of others, each with its share: a canary gets a few requests, or those who ask for it. A
// part that is down gets nothing while another one is up.

import type { SplitPart, SplitService, Sticky } from "../config/service.ts";
import { cookieOf } from "../http/cookies.ts";
import type { Weighed } from "./balance/policy.ts";
import { SmoothRotation } from "./balance/rotation.ts";
import { type Copy, type Destination, insteadAmong } from "./destination.ts";
import type { LiveBackend } from "./live-backend.ts";
import type { LiveService } from "./live-service.ts";
import { maintenanceBy } from "./maintenance.ts";
import type { Asker } from "./pooled.ts";
import type { StateBook } from "./state-book.ts";
import { StickyCookie } from "./sticky-cookie.ts";

class Part implements Weighed {
  readonly settings: SplitPart;
  readonly destination: Destination;
  /** What its share of the rotation and its cookie go by. */
  readonly url: string;
  readonly weight: number;
  readonly load = 0;
  readonly latency = 0;
  place = -1;

  constructor(settings: SplitPart, destination: Destination) {
    this.settings = settings;
    this.destination = destination;
    this.url = settings.service;
    this.weight = settings.weight;
  }

  isAskedBy(asker: Asker): boolean {
    const { when } = this.settings;
    if (when === undefined) return false;
    if (when.from === "header") return asker.header(when.name) === when.value;
    return cookieOf(asker.header("cookie"), when.name) === when.value;
  }
}

export interface SplitOptions {
  readonly states: StateBook;
  secret(): string;
  destinationOf(service: string): Destination;
}

export class Split implements Destination {
  readonly name: string;
  readonly #settings: SplitService;
  readonly #states: StateBook;
  readonly #parts: readonly Part[];
  readonly #rotation = new SmoothRotation<Part>();
  readonly #cookie: StickyCookie<Part> | undefined;
  /** Which part who asked was given. */
  readonly #chosen = new WeakMap<Asker, Part>();

  constructor(settings: SplitService, { states, secret, destinationOf }: SplitOptions) {
    this.name = settings.name;
    this.#settings = settings;
    this.#states = states;
    this.#parts = settings.parts.map((each) => new Part(each, destinationOf(each.service)));
    const dealt = this.#parts.filter(({ weight }) => weight > 0);
    if (dealt.length > 0) this.#rotation.update(dealt);
    this.#cookie = this.#cookieOf(settings.sticky, secret);
  }

  #cookieOf(sticky: Sticky | undefined, secret: () => string): StickyCookie<Part> | undefined {
    if (sticky?.kind !== "cookie") return undefined;
    const cookie = new StickyCookie<Part>(sticky, this.name, secret);
    cookie.update(this.#parts);
    return cookie;
  }

  get isUp(): boolean {
    return this.#parts.some(({ destination }) => destination.isUp);
  }

  get maintenance() {
    return this.#settings.maintenance ?? maintenanceBy(this.#states, this.name);
  }

  choose(asker: Asker): LiveService {
    const asked = this.#parts.find((each) => each.isAskedBy(asker));
    const wanted =
      asked ?? this.#cookie?.find(asker.header("cookie")) ?? this.#rotation.pick(Number.NaN, null);
    const isOpen = wanted?.destination.isOpenTo(asker) === true;
    const dealt = this.#parts.filter(({ weight }) => weight > 0);
    const other = isOpen ? wanted : dealt.find(({ destination }) => destination.isOpenTo(asker));
    const part = other ?? wanted ?? this.#parts[0]!;
    this.#chosen.set(asker, part);
    return part.destination.choose(asker);
  }

  isOpenTo(asker: Asker): boolean {
    return this.#parts.some(({ destination }) => destination.isOpenTo(asker));
  }

  instead(asker: Asker, asked: readonly LiveService[]): LiveService | undefined {
    const dealt = this.#parts.filter(({ weight }) => weight > 0);
    return insteadAmong(
      dealt.map(({ destination }) => destination),
      asker,
      asked,
    );
  }

  /** Two parts may lead to the same service. */
  #partOf(service: LiveService, asker: Asker): Part | undefined {
    const chosen = this.#chosen.get(asker);
    if (chosen?.destination.contains(service) === true) return chosen;
    return this.#parts.find(({ destination }) => destination.contains(service));
  }

  contains(service: LiveService): boolean {
    return this.#parts.some(({ destination }) => destination.contains(service));
  }

  copiesOf(service: LiveService, asker: Asker): readonly Copy[] | null {
    return this.#partOf(service, asker)?.destination.copiesOf(service, asker) ?? null;
  }

  after(service: LiveService, status: number, asker: Asker): LiveService | undefined {
    return this.#partOf(service, asker)?.destination.after(service, status, asker);
  }

  sessionLine(
    asker: Asker,
    service: LiveService,
    backend: LiveBackend | undefined,
    isSecure: boolean,
  ): string {
    const part = this.#partOf(service, asker);
    if (part === undefined) return "";
    const line = part.destination.sessionLine(asker, service, backend, isSecure);
    const cookie = this.#cookie;
    if (cookie === undefined || part.isAskedBy(asker)) return line;
    if (cookie.names(part, asker.header("cookie"))) return line;
    return line + cookie.lineFor(part, isSecure);
  }
}
