// Records whole exchanges of routes for which somebody asked for it: heads and the beginnings of bodies, as they passed
// between the client and us. Nobody else pays for it: where nothing is recorded there is no recorder.

import { recording as limits, watching } from "../config/traffic-limits.ts";
import type { BodyFilter, FilterOutput } from "../http/answer-review.ts";
import type { Exchange } from "../http/exchange.ts";
import { Intake } from "../http/intake.ts";
import {
  type FieldLine,
  leftBodies,
  type RecordedBody,
  type RecordedExchange,
  type RecorderOrder,
} from "../traffic/recorded.ts";
import { shownBody } from "../traffic/secret-bodies.ts";
import { hidden, type SecretNames, shownField, shownTarget } from "../traffic/secrets.ts";
import { RecordedClient } from "./recorder-client.ts";
import { Copy } from "./recorder-copy.ts";
import { entryOf } from "./tap-entry.ts";

interface Running {
  readonly order: RecorderOrder;
  readonly client: RecordedClient;
  readonly request: Copy;
  readonly intake: Intake;
  readonly target: string;
  readonly version: string;
  readonly fields: readonly FieldLine[];
}

export class Recorder {
  #orders: readonly RecorderOrder[] = [];
  readonly #begun = new Map<string, number>();
  readonly #running = new Map<Exchange, Running>();
  #done: RecordedExchange[] = [];
  #bytes = 0;
  #askedAt = 0;

  /** @returns what was recorded since it was asked last */
  update(orders: readonly RecorderOrder[]): readonly RecordedExchange[] {
    // What is on its way to the primary is not among what it says it has.
    for (const { id } of this.#orders) {
      const before = this.#begun.get(id) ?? 0;
      const handed = this.#done.filter(({ record }) => record === id).length;
      this.#begun.set(id, Math.max(0, before - handed));
    }
    this.#orders = orders;
    this.#askedAt = performance.now();
    const done = this.#done;
    this.#done = [];
    this.#bytes = 0;
    return done;
  }

  /** Nobody has asked for a while, or there is nothing to record. */
  get isOver(): boolean {
    const isForgotten = performance.now() - this.#askedAt > watching.forgottenAfter;
    return isForgotten || this.#orders.length === 0;
  }

  /** Its route is known, and nothing of its body has been passed on. */
  begin(exchange: Exchange, names: SecretNames): void {
    if (this.isOver || exchange.isFromPeer || this.#running.size >= limits.running) return;
    const order = this.#orders.find(
      ({ id, route, left }) =>
        (exchange.routeName === route || exchange.routeName.startsWith(`${route}@`)) &&
        (this.#begun.get(id) ?? 0) < left,
    );
    if (order === undefined || this.#bytes > limits.bytes) return;
    this.#begun.set(order.id, (this.#begun.get(order.id) ?? 0) + 1);
    const request = new Copy(order.body);
    const client = new RecordedClient(exchange.client, new Copy(order.body));
    exchange.client = client;
    const intake = Intake.put(exchange, (out) => new Passed(request, out));
    const { fields } = exchange.request;
    this.#running.set(exchange, {
      ...{ order, client, request, intake },
      target: order.withSecrets
        ? exchange.request.target
        : shownTarget(exchange.request.target, names),
      version: exchange.request.protocol,
      // As they came: middlewares change them.
      fields: Array.from({ length: fields.count }, (_, at) => [
        fields.nameAt(at),
        fields.valueAt(at),
      ]),
    });
  }

  end(exchange: Exchange, names: SecretNames): void {
    const running = this.#running.get(exchange);
    if (running === undefined) return;
    this.#running.delete(exchange);
    running.intake.close();
    const recorded = recordedOf(exchange, running, names);
    this.#bytes += recorded.body.base64.length + recorded.answer.body.base64.length;
    this.#done.push(recorded);
  }
}

function recordedOf(exchange: Exchange, running: Running, names: SecretNames): RecordedExchange {
  const { order, client, request, target, version } = running;
  const left = order.withSecrets ? undefined : names;
  const fields = shown(running.fields, left);
  const answered = shown(client.fields, left);
  const body = bodyOf(request, running.fields, left);
  const answer = bodyOf(client.body, client.fields, left);
  const isCut = target !== exchange.request.target;
  return {
    ...{ record: order.id, entry: entryOf(exchange, names), target, version },
    fields: fields.lines,
    body: body.recorded,
    answer: { fields: answered.lines, body: answer.recorded },
    left: [
      ...new Set([...fields.left, ...answered.left]),
      ...(isCut ? ["target"] : []),
      ...(body.isCut ? [leftBodies.request] : []),
      ...(answer.isCut ? [leftBodies.answer] : []),
    ],
  };
}

/** @param names undefined = secrets are kept */
function shown(lines: readonly FieldLine[], names: SecretNames | undefined) {
  if (names === undefined) return { lines, left: [] };
  const left: string[] = [];
  const cut = lines.map(([name, value]): FieldLine => {
    const text = shownField(name, value, names);
    if (text.includes(hidden) && text !== value) left.push(name.toLowerCase());
    return [name, text];
  });
  return { lines: cut, left };
}

function bodyOf(copy: Copy, lines: readonly FieldLine[], names: SecretNames | undefined) {
  const { bytes, total } = copy;
  const text = names === undefined ? bytes : shownBody(bytes, lines, names);
  const recorded: RecordedBody = { base64: text.toString("base64"), bytes: total };
  return { recorded, isCut: text !== bytes };
}

/** The body of the request, which is copied and goes on as it is. */
class Passed implements BodyFilter {
  readonly #copy: Copy;
  readonly #out: FilterOutput;

  constructor(copy: Copy, out: FilterOutput) {
    this.#copy = copy;
    this.#out = out;
  }

  write(buffer: Buffer, start: number, end: number): void {
    this.#copy.add(buffer, start, end);
    this.#out.write(buffer, start, end);
  }

  flush(): boolean {
    return this.#out.flush();
  }

  end(trailers: string): void {
    this.#out.end(trailers);
  }

  onDrain(): void {
    this.#out.resume();
  }

  close(): void {}
}
