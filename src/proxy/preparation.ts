// What has to be done before a backend is asked, where it is a program or the route keeps bodies whole: the params are made, the
// body is gathered, and the script of a container is looked for. Most requests need none of it.

import type { BackendService } from "../config/service.ts";
import type { Backend } from "../config/service.ts";
import { gatherBytes, gatherMemory } from "../config/gateway-limits.ts";
import type { FailureCode } from "../http/errors.ts";
import type { Exchange } from "../http/exchange.ts";
import { CHUNKED } from "../http/framing.ts";
import type { Wheel } from "../lib/wheel.ts";
import type { LiveService } from "../upstream/live-service.ts";
import { Served } from "../upstream/served.ts";
import { GatewayHead } from "./gateway-head.ts";
import type { Plan } from "./plan.ts";
import { searchScript } from "./script-search.ts";
import { Spool, type SpoolSettings, type SpoolUser } from "./spool.ts";

export interface PreparationUser {
  /** A backend may be asked. */
  onPrepared(): void;
  /** None will be, or not any more. */
  onUnprepared(code: FailureCode, why: string): void;
  /** The client may go on sending. */
  onSpoolDrain(): void;
}

interface Request {
  readonly exchange: Exchange;
  readonly plan: Plan;
  /** The first that is asked. */
  readonly service: LiveService;
  /** Lines that say who asks. */
  readonly forwarded: string;
  /** A backend that speaks HTTP was asked before: its body is no longer ours to keep whole. */
  readonly isLate: boolean;
}

export class Preparation implements SpoolUser {
  /** undefined = the body is passed on as it comes. */
  readonly spool: Spool | undefined;
  readonly #request: Request;
  readonly #user: PreparationUser;
  #head: GatewayHead | undefined;
  /** The script is being looked for. */
  #isSearching = false;
  #isSpooling = false;
  #isClosed = false;

  constructor(request: Request, wheel: Wheel, user: PreparationUser) {
    this.#request = request;
    this.#user = user;
    const settings = spoolSettingsFor(request);
    if (settings !== undefined) this.spool = new Spool(this, settings, wheel);
  }

  /** Tells the user how it went, perhaps at once. */
  begin(): void {
    const { exchange, service } = this.#request;
    const { gateway, guest } = service.settings;
    if (gateway !== undefined) {
      const head = this.#headFor(service.settings);
      if (head === undefined) return;
      const { file } = head.asked;
      if (guest !== undefined && file !== "" && !this.#isServed) this.#search(service, file);
    }
    // What is answered by us, since programs do not; and a body that is kept comes before any answer.
    if (exchange.request.expectsContinue && !exchange.isRequestComplete) {
      exchange.client.writeInterim("HTTP/1.1 100 Continue\r\n\r\n");
    }
    // Also when all of it has come already: then it was kept meanwhile, and is handed on behind this.
    this.#isSpooling = this.spool !== undefined;
    this.#go();
  }

  /** A `files` service leads here, and has looked whether the script is there. */
  get #isServed(): boolean {
    const { plan, service } = this.#request;
    const { destination } = plan;
    if (!(destination instanceof Served) || destination.scripts !== service) return false;
    return service.settings.guest !== undefined || isSameRoot(destination, service);
  }

  #go(): void {
    if (!this.#isSearching && !this.#isSpooling && !this.#isClosed) this.#user.onPrepared();
  }

  #search(service: LiveService, file: string): void {
    const searching = searchScript(service.premises, file);
    if (searching === undefined) return;
    this.#isSearching = true;
    void searching.then((fault) => {
      this.#isSearching = false;
      if (fault === undefined) this.#go();
      else this.#fail(fault, "");
    });
  }

  #fail(code: FailureCode, why: string): void {
    if (!this.#isClosed) this.#user.onUnprepared(code, why);
  }

  // --- the params ----------------------------------------------------------------------------------

  #headFor(settings: BackendService): GatewayHead | undefined {
    if (this.#head?.service === settings) return this.#head;
    const { exchange, forwarded, service, isLate } = this.#request;
    // Of those that are asked instead nobody looks for it.
    const isFirst = !isLate && settings === service.settings;
    const isSeen = isFirst && (settings.guest !== undefined || this.#isServed);
    const made = GatewayHead.of(exchange, forwarded, settings, isSeen);
    if (typeof made === "string") {
      this.#fail(made, "");
      return undefined;
    }
    this.#head = made;
    return made;
  }

  /**
   * The params for one backend; undefined = there can be none, and the user has been told.
   * @param length of the body as far as it is known, or CHUNKED
   */
  textFor(backend: Backend, settings: BackendService, length: number): string | undefined {
    const bytes = this.spool?.bytes ?? length;
    const isPassed = backend.speaks === "fastcgi" && settings.gateway?.streamsUnknownLength;
    if (bytes === CHUNKED && isPassed !== true) {
      this.#fail("LENGTH_UNKNOWN", "");
      return undefined;
    }
    return this.#headFor(settings)?.textFor(backend, bytes);
  }

  // --- the body ------------------------------------------------------------------------------------

  onSpoolDrain(): void {
    if (!this.#isClosed) this.#user.onSpoolDrain();
  }

  onSpooled(): void {
    this.#isSpooling = false;
    this.#go();
  }

  onSpoolFailed(code: FailureCode, why: string): void {
    this.#fail(code, why);
  }

  close(): void {
    this.#isClosed = true;
    this.spool?.close();
  }
}

function isSameRoot({ settings }: Served, service: LiveService): boolean {
  return settings.root === service.settings.gateway?.root;
}

/** undefined = it is passed on as it comes. */
function spoolSettingsFor({ exchange, plan, service, isLate }: Request): SpoolSettings | undefined {
  const { bodyLength } = exchange.request;
  const { gateway, backends } = service.settings;
  if (bodyLength === 0 || isLate) return undefined;
  if (plan.spool !== undefined) return { memory: plan.spool.memory, most: 0 };
  if (gateway === undefined || bodyLength !== CHUNKED) return undefined;
  const isPassed =
    gateway.streamsUnknownLength && backends.every(({ speaks }) => speaks === "fastcgi");
  return isPassed ? undefined : { memory: gatherMemory, most: plan.maxBody > 0 ? 0 : gatherBytes };
}
