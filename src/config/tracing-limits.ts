// Bounds of what is recorded of exchanges and sent to a collector.

export const tracingLimits = {
  /** Spans that wait in one worker: at 500 bytes each a megabyte. What comes while it is full is counted and dropped. */
  waiting: 2048,
  /** Spans sent at once, as the OpenTelemetry specification has it. */
  batch: 512,
  /** What is there is sent after that, ms: who asks for a page and then looks for its trace should find it. */
  delay: 1000,
  /** A collector answers within that, or what was sent to it is lost, ms. */
  timeout: 10_000,
  /** At the end of a worker, for what is left, ms. */
  lastWords: 1000,
  /** Of an answer, bytes: nothing of it is used but its status. */
  answer: 64 * 1024,
  /** How long a collector that is away or has too much to do is left alone, ms. */
  pause: { first: 1000, longest: 60_000, forgottenAfter: Infinity },
  /** Of one exchange: a route that asks more backends and middlewares than this tells of the first. */
  spansPerExchange: 64,
  /** Of a path or a user agent, characters: collectors cut longer ones. */
  text: 1024,
} as const;

export const defaultTracing = {
  /** Who turns it on wants to see something; busy programs turn it down. */
  sample: 1,
  trust: "proxies",
  service: "tidegate",
} as const;
