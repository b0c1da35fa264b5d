// What listeners grant a client that speaks HTTP/2, each default with its reason.

import type { Http2Limits } from "./snapshot.ts";

export const defaultHttp2: Http2Limits = {
  // What nginx and Apache grant, and more than the 100 that RFC 9113 section 6.5.2 asks for at least; who needs more opens a
  // second connection.
  streams: 128,
  // Under way to us on one connection: 80 Mbit/s with a round trip of 100 ms. Its streams share it, and only those that use
  // their windows up are given more than the 64 kB they begin with.
  window: 1024 * 1024,
};

/** What `limits.http2` may say. */
export const http2Bounds = {
  // More at once from one client is what an attack looks like.
  mostStreams: 10_000,
  // What RFC 9113 section 6.9.2 begins with; less cannot be said.
  leastWindow: 65_535,
  // Its bound is 2^31-1 (section 6.9.1); with more, every client ends the connection.
  mostWindow: 1024 * 1024 * 1024,
} as const;
