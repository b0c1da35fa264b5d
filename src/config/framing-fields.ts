// Header fields that frame a message, or are about one connection only: nobody but the engine writes them.

/** In lower case. */
export const framingFields: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
