// Every default that bounds something of HTTP/2, each with its reason. Milliseconds and bytes.

/** Of one connection, whichever side. */
export const http2Limits = {
  // What windows of streams may have grown by, over all connections of a process: 64 uploads at full speed.
  processWindowBytes: 64 * 1024 * 1024,
  // Longest payload of a frame, both ways: what everybody must take, and no stream holds up others for long.
  frameBytes: 16_384,
  // CONTINUATION frames of one field section: the largest one we take needs four, and nobody sends small ones.
  maxContinuations: 32,
  // Acknowledgements and the like that a peer leaves unread: thousands of them.
  unreadBytes: 32 * 1024,
  // Of all streams of one connection, waiting for a slow reader; beyond that each gets no more than a frame.
  backlogBytes: 1024 * 1024,
  // Streams that we have reset and of which something may still come: as many as can be open, twice.
  resetsKept: 256,
  // From the first GOAWAY to the second: a round trip of a slow line, should its PING not come back.
  drainWait: 1000,
  // How long and how much a peer may go on sending to a connection that we have ended, so that our GOAWAY is
  // read and not lost to a reset.
  lingerTime: 2000,
  lingerBytes: 4 * 1024 * 1024,
  // How long a peer may take none of the last answers, as over HTTP/1: a slow line works off what the kernel has first.
  slowTime: 60_000,
} as const;

/**
 * How much of what costs us and brings nothing is taken at once, and per second after that. `work` is so much more for
 * each stream that ended well, and for each 4 kB or frame of bodies, either way: whoever works may also chatter.
 */
export const http2Floods = {
  // Streams that the peer gives up: a browser that leaves a page of images gives up a hundred.
  "rapid-reset": { burst: 400, perSecond: 100, work: 1 },
  // Faults of streams, answered by RST_STREAM: each took a request's work and had no request's price.
  "provoked-reset": { burst: 100, perSecond: 20, work: 0.5 },
  // Streams beyond the limit: a client may open many before it has read our settings.
  refused: { burst: 1000, perSecond: 100, work: 1 },
  // Clients send one to three frames in a connection's life.
  settings: { burst: 50, perSecond: 2, work: 0 },
  // gRPC measures its lines with one for each burst of data, keep-alive takes one in seconds.
  ping: { burst: 200, perSecond: 20, work: 1 },
  // DATA without content, or with less than an empty gRPC message has (a tenth each).
  "empty-frames": { burst: 100, perSecond: 10, work: 1 },
  // Some clients send two for each frame of an answer, and one more for each stream.
  "window-update": { burst: 1000, perSecond: 100, work: 4 },
  // Browsers reorder a page's images once or twice.
  priority: { burst: 1000, perSecond: 100, work: 2 },
  // Chromium sends one to see whether servers ignore it.
  "unknown-frames": { burst: 100, perSecond: 10, work: 0 },
  // Field sections beyond the limits: a page whose cookies are too large asks for a hundred things.
  "header-list": { burst: 200, perSecond: 10, work: 0 },
} as const;

export type FloodKind = keyof typeof http2Floods;
