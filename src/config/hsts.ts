// What a route tells browsers about https (HTTP Strict Transport Security, RFC 6797).

export interface Hsts {
  /** ms; 0 = browsers forget it. */
  readonly maxAge: number;
  readonly includeSubDomains: boolean;
  readonly preload: boolean;
}

/** A year: what the list of browsers asks for, and long enough for whoever comes seldom. */
export const hstsMaxAge = 365 * 86_400_000;

/** More than a browser is used. */
export const hstsLongest = 3650 * 86_400_000;

/** The value of the field. */
export function hstsText({ maxAge, includeSubDomains, preload }: Hsts): string {
  const parts = [
    `max-age=${Math.floor(maxAge / 1000)}`,
    ...(includeSubDomains ? ["includeSubDomains"] : []),
    ...(preload ? ["preload"] : []),
  ];
  return parts.join("; ");
}
