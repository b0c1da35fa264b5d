// What a rule may ask about a request, apart from its host.

export interface Subject {
  readonly method: string;
  /** Normalised, begins with "/". */
  readonly path: string;
  /** As received, without "?". */
  readonly query: string;
  readonly clientIp: string;
  /** `name` is lower-case. Several fields of one name come joined by ", " (RFC 9110 section 5.3). */
  header(name: string): string | undefined;
}
