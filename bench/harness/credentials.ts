// A certificate for the bench, ECDSA with P-256 as most sites have it, in the forms that proxies want it in.

import { writeFileSync } from "node:fs";
import { issueCertificate, newAuthority } from "../../src/x509/issue-certificate.ts";
import { keyPem, newKey } from "../../src/x509/signed.ts";
import type { Stage } from "./stage.ts";

/** Files. */
export interface BenchCredentials {
  readonly cert: string;
  readonly key: string;
  /** Both in one. */
  readonly both: string;
}

export function writeCredentials(stage: Stage): BenchCredentials {
  const own = newKey("ec");
  const authority = newAuthority({ name: "bench", days: 90 });
  const chain = issueCertificate(authority, { names: ["bench.test"], key: own, days: 90 });
  const key = keyPem(own);
  const paths = {
    cert: stage.path("cert.pem"),
    key: stage.path("key.pem"),
    both: stage.path("both.pem"),
  };
  writeFileSync(paths.cert, chain);
  writeFileSync(paths.key, key, { mode: 0o600 });
  writeFileSync(paths.both, chain + key, { mode: 0o600 });
  return paths;
}
