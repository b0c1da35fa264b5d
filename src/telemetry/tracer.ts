// Says for each exchange to which trace it belongs, whether that is recorded, and what the backend is told of it (W3C trace
// context); and hands what was recorded to the sender.

import type { TracingSettings } from "../config/tracing-settings.ts";
import type { Exchange } from "../http/exchange.ts";
import {
  isRecorded,
  longestState,
  parseTraceparent,
  randomHex,
  type Trace,
  traceparentOf,
} from "../http/trace-context.ts";
import { ExchangeTrace } from "./exchange-trace.ts";
import { SpanSender } from "./span-sender.ts";

export class Tracer {
  readonly settings: TracingSettings;
  readonly #sender: SpanSender;

  constructor(
    settings: TracingSettings,
    onProblem: (message: string, fields: Readonly<Record<string, string>>) => void,
  ) {
    this.settings = settings;
    this.#sender = new SpanSender(settings, onProblem);
  }

  /** Its head is here, and it is known whom to believe. */
  begin(exchange: Exchange): void {
    const { fields } = exchange.request;
    const came = this.#cameOf(exchange);
    const state = came === undefined ? "" : fields.valuesOf("tracestate").join(",");
    const isPassedOn = state !== "" && state.length <= longestState;
    const id = came?.id ?? randomHex(16);
    const flags = came?.flags ?? (Math.random() < this.settings.sample ? "03" : "02");
    exchange.traceId = id;
    fields.dropNamed("traceparent");
    if (!isPassedOn) fields.dropNamed("tracestate");
    if (!isRecorded({ flags })) {
      fields.add("traceparent", traceparentOf(id, randomHex(8), flags));
      return;
    }
    const start = { trace: id, parent: came?.parent ?? "", flags };
    const record = new ExchangeTrace({ ...start, state: isPassedOn ? state : "" });
    exchange.record = record;
    fields.add("traceparent", record.traceparent);
  }

  #cameOf(exchange: Exchange): Trace | undefined {
    const { trust } = this.settings;
    const isBelieved =
      trust === "everybody" || (trust === "proxies" && exchange.origin.isPeerTrusted);
    if (!isBelieved) return undefined;
    return parseTraceparent(exchange.request.fields.get("traceparent"));
  }

  /** It is over. */
  end(exchange: Exchange): void {
    const { record } = exchange;
    if (!(record instanceof ExchangeTrace)) return;
    exchange.record = null;
    this.#sender.add(record.end(exchange));
  }

  /** Sends what waits, within a limit. */
  close(): Promise<void> {
    return this.#sender.close();
  }
}
