// So many bytes in a second, either way. Nothing is kept back but what was on its way: whoever is faster, a backend or a
// client, is made to wait. Bytes of upgraded connections are not counted.

import type { BandwidthUse } from "../config/middlewares/uses/limit.ts";
import type { BodyFilter, FilterOutput } from "../http/answer-review.ts";
import type { Exchange } from "../http/exchange.ts";
import { Intake } from "../http/intake.ts";
import { NetworkSet } from "../lib/ip.ts";
import { keyMaker } from "./limit-key.ts";
import type { Middleware } from "./middleware.ts";
import { type Bucket, Buckets, Clock, type Flow } from "./portions.ts";

export function bandwidth({ down, up, by, after, exempt }: BandwidthUse): Middleware {
  const clock = new Clock();
  const keyOf = by === undefined ? undefined : keyMaker(by);
  const free = NetworkSet.of(exempt);
  const isLimited = ({ clientIp }: Exchange) => exempt.length === 0 || !free.has(clientIp);
  const downwards = new Buckets(down, clock);
  const upwards = new Buckets(up, clock);
  const slowed = new WeakMap<Exchange, Intake>();
  return {
    ...(up === 0
      ? {}
      : {
          onRequest(exchange) {
            if (exchange.request.bodyLength === 0 || !isLimited(exchange)) return undefined;
            const bucket = upwards.of(keyOf?.(exchange));
            const intake = Intake.put(exchange, (out) => new Slowed(out, bucket, after));
            slowed.set(exchange, intake);
            return undefined;
          },
          onDone: (exchange) => slowed.get(exchange)?.close(),
        }),
    ...(down === 0
      ? {}
      : {
          onResponse(exchange, answer) {
            if (answer.bodyLength === 0 || answer.status === 101 || !isLimited(exchange)) return;
            const bucket = downwards.of(keyOf?.(exchange));
            answer.through((out) => new Slowed(out, bucket, after), answer.bodyLength);
          },
        }),
  };
}

/** One direction of one exchange. */
class Slowed implements BodyFilter, Flow {
  portion = 0;
  readonly #out: FilterOutput;
  readonly #bucket: Bucket;
  /** Bytes that do not count yet. */
  #free: number;
  /** For the bucket to fill. */
  #isWaiting = false;
  /** Whoever takes it has enough. */
  #isBlocked = false;
  #trailers: string | undefined;
  /** What came although we said that we have enough: the rest of a read. */
  readonly #held: Buffer[] = [];

  constructor(out: FilterOutput, bucket: Bucket, free: number) {
    this.#out = out;
    this.#bucket = bucket;
    this.#free = free;
    bucket.join();
  }

  write(buffer: Buffer, start: number, end: number): void {
    if (this.#free < end - start) this.#look();
    if (this.#isWaiting) this.#held.push(Buffer.from(buffer.subarray(start, end)));
    else this.#pass(buffer, start, end);
  }

  #pass(buffer: Buffer, start: number, end: number): void {
    const spared = Math.min(this.#free, end - start);
    this.#free -= spared;
    this.portion = end - start - spared;
    this.#bucket.spend(this.portion);
    this.#out.write(buffer, start, end);
  }

  #look(): void {
    if (this.#isWaiting || !this.#bucket.isEmpty) return;
    this.#isWaiting = true;
    this.#bucket.wait(this);
  }

  flush(): boolean {
    this.#isBlocked = !this.#out.flush();
    if (this.#free === 0) this.#look();
    return !this.#isBlocked && !this.#isWaiting;
  }

  goOn(): void {
    this.#isWaiting = false;
    for (const bytes of this.#held.splice(0)) this.#pass(bytes, 0, bytes.length);
    if (this.#trailers !== undefined) {
      this.#out.end(this.#trailers);
      return;
    }
    this.#isBlocked = !this.#out.flush();
    if (!this.#isBlocked) this.#out.resume();
  }

  onDrain(): void {
    this.#isBlocked = false;
    if (!this.#isWaiting) this.#out.resume();
  }

  end(trailers: string): void {
    if (this.#held.length > 0) this.#trailers = trailers;
    else this.#out.end(trailers);
  }

  close(): void {
    this.#bucket.leave(this);
    this.#held.length = 0;
  }
}
