// The name that tells a certificate from others, read from its file: programs that show one to everybody say only where it lies.

import { X509Certificate } from "node:crypto";
import { normaliseHostPattern } from "../lib/host.ts";
import { readSourceFile } from "./source-file.ts";

/** As `tls.default`; undefined = it cannot be read here, or is for no name. */
export function certificateName(file: string): string | undefined {
  try {
    const [pem] = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(
      readSourceFile(file),
    ) ?? [""];
    const names = new X509Certificate(pem).subjectAltName ?? "";
    const hosts = [...names.matchAll(/DNS:([^,\s]+)/g)].map(([, name = ""]) =>
      normaliseHostPattern(name),
    );
    return hosts.find((each) => each !== undefined && each !== "*");
  } catch {
    return undefined; // on another machine, or no certificate: whoever watches it says so
  }
}
