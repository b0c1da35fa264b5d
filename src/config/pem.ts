// Files read once, while the configuration is: certificates, keys and pages. Workers get their texts, so
// a file that vanishes later harms nobody, and a wrong one keeps the whole configuration from being used.

import { createPrivateKey, X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { report } from "./context.ts";
import type { Context } from "./context.ts";
import { maxPemBytes } from "./limits.ts";
import type { Path } from "./problem.ts";

/** undefined after it reported a problem. */
export function textOf(
  context: Context,
  file: string,
  path: Path,
  maxBytes: number,
): string | undefined {
  const place = resolve(context.baseFolder, file);
  try {
    // A pipe or a device would be read for ever.
    const found = statSync(place);
    if (!found.isFile()) {
      report(context, path, { message: `${place} is not a file` });
      return undefined;
    }
    if (found.size > maxBytes) {
      report(context, path, { message: `${place} is larger than ${maxBytes / 1024} KiB` });
      return undefined;
    }
    return readFileSync(place, "utf8");
  } catch (error) {
    report(context, path, { message: `cannot be read: ${messageOf(error)}` });
    return undefined;
  }
}

/** Authorities to trust: each of them, as OpenSSL stops at the first that it cannot read and says nothing. */
export function authoritiesOf(context: Context, file: string, path: Path): string | undefined {
  const pem = textOf(context, file, path, maxPemBytes);
  if (pem === undefined) return undefined;
  const place = resolve(context.baseFolder, file);
  const begins = [...pem.matchAll(/^-----BEGIN CERTIFICATE-----/gm)].map(({ index }) => index);
  if (begins.length === 0) {
    report(context, path, { message: `${place} holds no PEM certificate` });
    return undefined;
  }
  const damaged = begins.find((at, number) => !isCertificate(pem.slice(at, begins[number + 1])));
  if (damaged === undefined) return pem;
  const line = pem.slice(0, damaged).split("\n").length;
  const message = `the certificate in line ${line} of ${place} cannot be read`;
  report(context, path, { message, remedy: "it is damaged, or half-written: copy it once more" });
  return undefined;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

/** A certificate (with those above it) and its key; undefined after it reported a problem. */
export function pairOf(
  context: Context,
  files: { readonly cert: string; readonly key: string },
  path: Path,
): { readonly certificate: string; readonly key: string } | undefined {
  const certificate = textOf(context, files.cert, [...path, "cert"], maxPemBytes);
  const key = textOf(context, files.key, [...path, "key"], maxPemBytes);
  const read =
    certificate === undefined ? undefined : certificateOf(context, certificate, [...path, "cert"]);
  const secret = key === undefined ? undefined : keyOf(context, key, [...path, "key"]);
  if (certificate === undefined || key === undefined) return undefined;
  if (read === undefined || secret === undefined) return undefined;
  if (!read.checkPrivateKey(secret)) {
    const remedy = "name the key that the certificate was made with; a bundle has its own first";
    report(context, [...path, "key"], { message: "does not fit the certificate", remedy });
    return undefined;
  }
  if (read.validToDate.getTime() < Date.now()) {
    const message = `the certificate has expired on ${read.validToDate.toISOString().slice(0, 10)}`;
    report(context, [...path, "cert"], { message, remedy: "renew it", severity: "warning" });
  }
  return { certificate, key };
}

function certificateOf(context: Context, pem: string, path: Path): X509Certificate | undefined {
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) {
    const isKey = pem.includes("PRIVATE KEY-----");
    const message = isKey ? "holds a key, and no certificate" : "holds no PEM certificate";
    report(context, path, { message, remedy: "it begins with -----BEGIN CERTIFICATE-----" });
    return undefined;
  }
  try {
    return new X509Certificate(pem);
  } catch (error) {
    report(context, path, { message: `is not a certificate: ${messageOf(error)}` });
    return undefined;
  }
}

// The messages of OpenSSL name no bytes of the key.
function keyOf(context: Context, pem: string, path: Path): KeyObject | undefined {
  if (!pem.includes("PRIVATE KEY-----")) {
    const isCertificate = pem.includes("-----BEGIN CERTIFICATE-----");
    const message = isCertificate ? "holds a certificate, and no key" : "holds no PEM key";
    report(context, path, { message, remedy: "it begins with -----BEGIN PRIVATE KEY-----" });
    return undefined;
  }
  if (/-----BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED/.test(pem)) {
    const remedy = "nobody is there to type its password: openssl pkey -in OLD.pem -out NEW.pem";
    report(context, path, { message: "the key is encrypted", remedy });
    return undefined;
  }
  try {
    return createPrivateKey(pem);
  } catch (error) {
    report(context, path, { message: `is not a key: ${messageOf(error)}` });
    return undefined;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
