// What is usual for TLS with backends, and what bounds it, each with its reason.

import type { BackendTls } from "./service.ts";

export const defaultBackendTls: BackendTls = {
  verify: true,
  ca: undefined,
  serverName: undefined,
  pins: [],
  client: undefined,
  // What every server of the last ten years speaks; older ones are broken.
  minVersion: "TLSv1.2",
  // Many requests on one connection: a handshake less for each, and the backend says whether it wants that.
  http2: true,
  alpn: [],
};

/** TLS with backends: counts, bytes and milliseconds. */
export const backendTlsLimits = {
  // Of now and of after the next change, for as many servers as one service is likely to have.
  pins: 100,
  // More than one is rare, and all have to fit into a hello.
  protocols: 16,
  // Real sessions have 2 to 4 kB: the backend's certificate and its ticket, which it may make as long as it likes.
  sessionBytes: 16 * 1024,
  // Who resumes a session is not asked for its certificate again: what was revoked or replaced is noticed after so long.
  sessionLife: 3_600_000,
} as const;
