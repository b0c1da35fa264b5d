// What is shown for a name that no certificate is for: one that nobody trusts, which says so to whoever looks at it.

import { createHash, X509Certificate } from "node:crypto";
import type { Certificate } from "../config/certificate.ts";
import { certificateLimits } from "../config/tls-limits.ts";
import { issueCertificate, newAuthority } from "../x509/issue-certificate.ts";
import { keyPem, newKey } from "../x509/signed.ts";

const title = "tidegate: no certificate for this name";

/** Whoever scans the net is shown it: what this machine is called is not in it. */
export function fallbackCertificate(now = Date.now()): Certificate {
  const names = ["localhost"];
  const key = newKey("ec");
  const term = { now, days: certificateLimits.fallbackDays };
  // As its issuer the sentence stands where browsers show it.
  const chain = issueCertificate(newAuthority({ name: title, ...term }), { names, key, ...term });
  const { raw, validFromDate, validToDate } = new X509Certificate(chain);
  return {
    id: createHash("sha256").update(raw).digest("hex"),
    origin: { provider: "default", place: "built in" },
    ...{ names, chain, key: keyPem(key), kind: "ec", staple: undefined },
    ...{ notBefore: validFromDate.getTime(), notAfter: validToDate.getTime() },
  };
}
