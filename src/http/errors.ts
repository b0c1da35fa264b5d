// The one table of everything that can go wrong with an exchange: a name, the status the client gets,
// whose fault it is, and whether another attempt is allowed. What is not in this table cannot reach a
// client. Every name is explained in docs/reference/errors.md; a test holds the two together.

export interface Facts {
  /** Status answered (or only logged, for 499). */
  readonly status: number;
  /** Whose fault: the client's, a backend's, or ours. */
  readonly side: "client" | "upstream" | "proxy";
  /**
   * When another attempt may be made: `never`; `unsent` = always, no byte of the request left us;
   * `idempotent` = when the request may be repeated.
   */
  readonly retry: "never" | "unsent" | "idempotent";
  /** True when the client connection cannot be used again: we no longer know where a message ends. */
  readonly close: boolean;
  /** One sentence for the error page. */
  readonly text: string;
}

export const failures = {
  BAD_REQUEST_LINE: { status: 400, side: "client", retry: "never", close: true, text: "The request line is malformed." },
  BAD_METHOD: { status: 400, side: "client", retry: "never", close: true, text: "The request method is malformed." },
  BAD_TARGET: { status: 400, side: "client", retry: "never", close: true, text: "The request target is malformed." },
  BAD_VERSION: { status: 505, side: "client", retry: "never", close: true, text: "Only HTTP/1.0 and HTTP/1.1 are spoken here." },
  BAD_HEADER: { status: 400, side: "client", retry: "never", close: true, text: "A header field is malformed." },
  BAD_LINE_END: { status: 400, side: "client", retry: "never", close: true, text: "A line does not end with CR LF." },
  BAD_HOST: { status: 400, side: "client", retry: "never", close: true, text: "The Host header is missing, repeated or malformed." },
  BAD_LENGTH: { status: 400, side: "client", retry: "never", close: true, text: "The Content-Length header is malformed or repeated." },
  BAD_TRANSFER_ENCODING: { status: 400, side: "client", retry: "never", close: true, text: "The Transfer-Encoding header is not exactly 'chunked', or comes with Content-Length." },
  BAD_CHUNK: { status: 400, side: "client", retry: "never", close: true, text: "The chunked request body is malformed." },
  BAD_EXPECTATION: { status: 417, side: "client", retry: "never", close: true, text: "Only 'Expect: 100-continue' is understood." },
  METHOD_NOT_SUPPORTED: { status: 501, side: "client", retry: "never", close: true, text: "CONNECT is not supported: this is not a forward proxy." },
  PROXY_HEADER_INVALID: { status: 400, side: "client", retry: "never", close: true, text: "The PROXY protocol header is missing or malformed." },
  CLIENT_HELLO_INVALID: { status: 400, side: "client", retry: "never", close: true, text: "The first bytes of the connection are malformed, so that nobody knows where it should go." },
  CLIENT_TLS_FAILED: { status: 400, side: "client", retry: "never", close: true, text: "The TLS handshake with the client failed." },
  NO_ROUTE: { status: 404, side: "client", retry: "never", close: false, text: "No route is configured for this host and path." },
  UNWANTED: { status: 403, side: "client", retry: "never", close: false, text: "Requests like this one are not answered here." },
  MISDIRECTED: { status: 421, side: "client", retry: "never", close: true, text: "This connection was opened for another host, and this one wants one of its own." },
  HEAD_TIMEOUT: { status: 408, side: "client", retry: "never", close: true, text: "The request head took too long to arrive." },
  BODY_TIMEOUT: { status: 408, side: "client", retry: "never", close: true, text: "The request body stopped arriving." },
  BODY_TOO_LARGE: { status: 413, side: "client", retry: "never", close: true, text: "The request body is larger than this route allows." },
  TARGET_TOO_LONG: { status: 414, side: "client", retry: "never", close: true, text: "The request target is too long." },
  HEAD_TOO_LARGE: { status: 431, side: "client", retry: "never", close: true, text: "The request head is too large or has too many fields." },
  CLIENT_CLOSED: { status: 499, side: "client", retry: "never", close: true, text: "The client closed the connection before the answer was complete." },
  CLIENT_STALLED: { status: 499, side: "client", retry: "never", close: true, text: "The client stopped reading the answer." },
  NO_BACKEND: { status: 503, side: "proxy", retry: "never", close: false, text: "The service has no backend that can be used." },
  BACKEND_STOPPED: { status: 503, side: "proxy", retry: "never", close: false, text: "What answers here is stopped." },
  BACKEND_STARTING: { status: 503, side: "proxy", retry: "never", close: false, text: "What answers here is starting, and not ready yet." },
  POOL_FULL: { status: 503, side: "proxy", retry: "never", close: false, text: "All connections to the backend are in use, and too many requests wait for one." },
  POOL_TIMEOUT: { status: 503, side: "proxy", retry: "never", close: false, text: "No connection to the backend became free in time." },
  HOLD_FULL: { status: 503, side: "proxy", retry: "never", close: false, text: "The service has no backend that can be used, and too many requests wait for one." },
  HOLD_TIMEOUT: { status: 503, side: "proxy", retry: "never", close: false, text: "No backend of the service came up in time." },
  PAUSED: { status: 503, side: "proxy", retry: "never", close: false, text: "The service is paused, and was not resumed in time." },
  MAINTENANCE: { status: 503, side: "proxy", retry: "never", close: false, text: "The service is being worked on. Please try again later." },
  MIDDLEWARE_FAILED: { status: 500, side: "proxy", retry: "never", close: false, text: "Something that looks at requests here failed." },
  MIDDLEWARE_OFF: { status: 503, side: "proxy", retry: "never", close: false, text: "Something that looks at requests here has failed too often, and is left alone for a while." },
  MIDDLEWARE_TIMEOUT: { status: 503, side: "proxy", retry: "never", close: false, text: "What has to be asked before this can be answered does not answer." },
  BREAKER_OPEN: { status: 503, side: "proxy", retry: "never", close: false, text: "The service has failed too often and is left alone for a while." },
  CONNECT_REFUSED: { status: 502, side: "upstream", retry: "unsent", close: false, text: "The backend refused the connection." },
  CONNECT_FAILED: { status: 502, side: "upstream", retry: "unsent", close: false, text: "The backend could not be reached." },
  CONNECT_TIMEOUT: { status: 504, side: "upstream", retry: "unsent", close: false, text: "The backend did not accept the connection in time." },
  NAME_NOT_FOUND: { status: 502, side: "upstream", retry: "unsent", close: false, text: "The backend's name could not be resolved." },
  TLS_FAILED: { status: 502, side: "upstream", retry: "unsent", close: false, text: "The TLS handshake with the backend failed." },
  UPSTREAM_CLOSED: { status: 502, side: "upstream", retry: "idempotent", close: false, text: "The backend closed the connection before it answered." },
  STREAM_REFUSED: { status: 503, side: "upstream", retry: "unsent", close: false, text: "The backend refused the request without looking at it." },
  STREAM_RESET: { status: 502, side: "upstream", retry: "idempotent", close: false, text: "The backend broke the request off before it answered." },
  VERSION_REFUSED: { status: 502, side: "upstream", retry: "unsent", close: false, text: "The backend wants this request over HTTP/1.1, and cannot be asked so." },
  UPGRADE_UNSUPPORTED: { status: 502, side: "upstream", retry: "never", close: false, text: "The backend speaks HTTP/2 and takes no WebSockets on it." },
  UPSTREAM_TRUNCATED: { status: 502, side: "upstream", retry: "never", close: true, text: "The backend closed the connection in the middle of its answer." },
  BAD_RESPONSE: { status: 502, side: "upstream", retry: "never", close: false, text: "The backend's answer is not valid HTTP." },
  RESPONSE_HEAD_TOO_LARGE: { status: 502, side: "upstream", retry: "never", close: false, text: "The head of the backend's answer is too large." },
  RESPONSE_TIMEOUT: { status: 504, side: "upstream", retry: "never", close: false, text: "The backend did not answer in time." },
  RESPONSE_BODY_TIMEOUT: { status: 504, side: "upstream", retry: "never", close: true, text: "The backend stopped in the middle of its answer." },
  DEADLINE_PASSED: { status: 504, side: "client", retry: "never", close: false, text: "The deadline of the call has passed." },
  BAD_GRPC_WEB: { status: 400, side: "client", retry: "never", close: true, text: "The body of the gRPC-Web request is not valid base64." },
  NOT_CACHED: { status: 504, side: "client", retry: "never", close: false, text: "Only what is kept was asked for, and nothing is." },
  PURGE_REFUSED: { status: 403, side: "client", retry: "never", close: false, text: "Nothing is taken out of the cache from where you are." },
  NO_FILE: { status: 404, side: "client", retry: "never", close: false, text: "There is nothing here." },
  UNAUTHENTICATED: { status: 401, side: "client", retry: "never", close: false, text: "You have to say who you are before you may see this." },
  ADDRESS_DENIED: { status: 403, side: "client", retry: "never", close: false, text: "Nobody may see this from where you are." },
  LOGIN_FAILED: { status: 400, side: "client", retry: "never", close: false, text: "The login did not come to an end: it took too long, or cookies are not kept. Please open the page again." },
  FORBIDDEN: { status: 403, side: "client", retry: "never", close: false, text: "It is known who you are, and you may not see this." },
  AUTH_BUSY: { status: 503, side: "proxy", retry: "never", close: false, text: "Too many passwords are being checked. Please try again in a moment." },
  AUTH_UNAVAILABLE: { status: 503, side: "proxy", retry: "never", close: false, text: "What says who may see this does not answer." },
  FILE_REFUSED: { status: 403, side: "client", retry: "never", close: false, text: "What is here is not given away." },
  FILE_FAILED: { status: 500, side: "proxy", retry: "never", close: false, text: "The file could not be read." },
  FILE_TIMEOUT: { status: 504, side: "upstream", retry: "never", close: false, text: "The file system did not answer in time." },
  GUEST_AWAY: { status: 503, side: "proxy", retry: "never", close: false, text: "The container that this is in cannot be reached." },
  METHOD_NOT_ALLOWED: { status: 405, side: "client", retry: "never", close: false, text: "Files are read with GET and HEAD." },
  LENGTH_UNKNOWN: { status: 411, side: "client", retry: "never", close: true, text: "The body is too long to be taken without its length being told first." },
  SPOOL_FAILED: { status: 500, side: "proxy", retry: "never", close: true, text: "The request body could not be kept on disk." },
  GATEWAY_OVERLOADED: { status: 503, side: "upstream", retry: "idempotent", close: false, text: "The program behind this is overloaded." },
  SHUT_DOWN: { status: 503, side: "proxy", retry: "never", close: true, text: "The proxy was stopped before the answer was complete." },
  OPERATOR_CLOSED: { status: 503, side: "proxy", retry: "never", close: true, text: "An operator closed this connection." },
  TUNNEL_TIMEOUT: { status: 504, side: "proxy", retry: "never", close: true, text: "The upgraded connection was silent for too long." },
  RATE_LIMITED: { status: 429, side: "client", retry: "never", close: false, text: "Too many requests. Please slow down." },
  LIMIT_UNAVAILABLE: { status: 503, side: "proxy", retry: "never", close: false, text: "What counts requests does not answer." },
  TOO_MANY_AT_ONCE: { status: 503, side: "proxy", retry: "never", close: false, text: "Too many requests are being answered at once." },
  CODING_BROKEN: { status: 400, side: "client", retry: "never", close: true, text: "The request body is not what its Content-Encoding says." },
  CODING_REFUSED: { status: 415, side: "client", retry: "never", close: true, text: "The request body was packed too many times over." },
  UNPACKING_BUSY: { status: 503, side: "proxy", retry: "never", close: true, text: "Too many bodies are being unpacked." },
  ANSWER_TOO_LARGE: { status: 502, side: "upstream", retry: "never", close: false, text: "The answer of the backend is larger than this route allows." },
  INTERNAL: { status: 500, side: "proxy", retry: "never", close: true, text: "Something went wrong inside the proxy." },
} as const satisfies Record<string, Facts>;

export type FailureCode = keyof typeof failures;

export function factsOf(code: FailureCode): Facts {
  return failures[code];
}
