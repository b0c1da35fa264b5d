// How it stands with a certificate now.

import type { Certificate } from "../config/certificate.ts";
import { certificateLimits } from "../config/tls-limits.ts";

export type TimeState = "ok" | "expires soon" | "expired" | "not yet valid";

/** @param now milliseconds since 1970 */
export function timeStateOf({ notBefore, notAfter }: Certificate, now: number): TimeState {
  const { part, longest } = certificateLimits.soon;
  if (now >= notAfter) return "expired";
  if (now < notBefore) return "not yet valid";
  return notAfter - now < Math.min((notAfter - notBefore) / part, longest) ? "expires soon" : "ok";
}
