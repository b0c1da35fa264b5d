// Certificates for a plane that ends TLS, made for the test.

import { generateKeyPairSync, randomBytes, X509Certificate } from "node:crypto";
import type { Certificate, Credentials } from "../../src/config/certificate.ts";
import { issueCertificate, newAuthority } from "../../src/x509/issue-certificate.ts";

/** Good for a day from now on; `days` below 0 = expired. */
export function certificateFor(
  names: readonly string[],
  { kind = "ec", days = 1 }: { readonly kind?: "ec" | "rsa"; readonly days?: number } = {},
): Certificate {
  const { privateKey: key } =
    kind === "ec"
      ? generateKeyPairSync("ec", { namedCurve: "P-256" })
      : generateKeyPairSync("rsa", { modulusLength: 2048 });
  const now = Date.now() + (days < 0 ? 2 * days * 86_400_000 : 0);
  const term = { days: Math.abs(days), now };
  const cert = issueCertificate(newAuthority({ name: "Test", ...term }), { names, key, ...term });
  const read = new X509Certificate(cert);
  return {
    id: read.fingerprint256,
    origin: { provider: "test", place: "here" },
    names,
    chain: cert,
    key: key.export({ type: "pkcs8", format: "pem" }).toString(),
    kind,
    notBefore: read.validFromDate.getTime(),
    notAfter: read.validToDate.getTime(),
    staple: undefined,
  };
}

export function credentialsOf(
  certificates: readonly Certificate[],
  others: Partial<Credentials> = {},
): Credentials {
  return {
    certificates,
    fallback: certificateFor(["fallback.test"]),
    challenges: { http: {}, alpn: {} },
    ticketSecret: randomBytes(32).toString("hex"),
    ...others,
  };
}
