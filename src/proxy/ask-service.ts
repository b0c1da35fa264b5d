// A page that a service of ours is asked for, in the place of another answer. It goes past all middlewares, so that a page
// for errors has none itself.

import { errorPageLimits } from "../config/answer-limits.ts";
import type { FillSink, FillSource } from "../cache/fill-source.ts";
import type { Exchange } from "../http/exchange.ts";
import { Fields } from "../http/fields.ts";
import type { AskedPage } from "../middlewares/middleware.ts";
import { type FetchRequest, startFetch } from "./fetch.ts";
import type { Plan } from "./plan.ts";

/** Takes an exchange of our own to a service. */
export type CarryTo = (exchange: Exchange<Plan>, plan: Plan, service: string) => void;

/** Where there are no services. */
export const toNobody: CarryTo = (exchange) => exchange.client.abort();

/** Never rejects; undefined = there is none that can be shown, in time. */
export function askService(
  exchange: Exchange<Plan>,
  asked: AskedPage,
  carryTo: CarryTo,
): Promise<Buffer | undefined> {
  const { plan } = exchange;
  if (plan === undefined) return Promise.resolve(undefined);
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
  const page = new Page(asked.status, resolve);
  // It is the site that is worked on, and not its pages.
  const own: Plan = { ...plan, maintenance: undefined };
  const go = (mine: Exchange<Plan>) => carryTo(mine, own, asked.service);
  page.begin(startFetch(requestFor(exchange, asked.uri), own, go, page));
  return promise;
}

function requestFor(exchange: Exchange<Plan>, uri: string): FetchRequest {
  const [path = "/", query] = uri.split(/\?(.*)/s);
  const { request, clientIp, origin, record } = exchange;
  const languages = request.fields.get("accept-language");
  return {
    ...{ path, query, clientIp, origin, record },
    method: "GET",
    rawPath: path,
    mount: "",
    host: request.host,
    lines: languages === undefined ? "" : `Accept-Language: ${languages}\r\n`,
    added: "",
  };
}

class Page implements FillSink {
  readonly #status: number;
  readonly #resolve: (body: Buffer | undefined) => void;
  readonly #timer = setTimeout(() => this.#give(undefined), errorPageLimits.wait);
  readonly #pieces: Buffer[] = [];
  #bytes = 0;
  #source: FillSource | null = null;
  #isOver = false;

  constructor(status: number, resolve: (body: Buffer | undefined) => void) {
    this.#status = status;
    this.#resolve = resolve;
    this.#timer.unref();
  }

  begin(source: FillSource): void {
    if (this.#isOver) source.stop();
    else this.#source = source;
  }

  onHead({ status, lines }: { readonly status: number; readonly lines: string }): void {
    const fields = new Fields();
    const isRead = fields.read(lines, 0, lines.length, 1000) === undefined;
    const isWanted = status === this.#status || (status >= 200 && status < 300);
    const isPlain = isRead && fields.get("content-encoding") === undefined;
    if (!isWanted || !isPlain) this.#give(undefined);
  }

  onData(buffer: Buffer, start: number, end: number): void {
    if (this.#isOver) return;
    this.#bytes += end - start;
    if (this.#bytes > errorPageLimits.page) this.#give(undefined);
    else this.#pieces.push(Buffer.from(buffer.subarray(start, end)));
  }

  onFlush(): boolean {
    return true;
  }

  onEnd(): void {
    this.#give(Buffer.concat(this.#pieces));
  }

  onFailed(): void {
    this.#give(undefined);
  }

  #give(body: Buffer | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#resolve(body);
    // It is in the middle of telling us; and it may be told of its end itself.
    if (body === undefined) queueMicrotask(() => this.#source?.stop());
  }
}
