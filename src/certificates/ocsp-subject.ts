// Whom to ask about a certificate (OCSP), and the asking.

import type { X509Certificate } from "node:crypto";
import type { Certificate } from "../config/certificate.ts";
import { staplingLimits as limits } from "../config/tls-limits.ts";
import { webAnswer } from "../lib/web-call.ts";
import { readChain } from "../x509/bundle.ts";
import { factsOf } from "../x509/certificate-facts.ts";
import { ocspRequest } from "../x509/ocsp.ts";

export interface Subject {
  readonly leaf: X509Certificate;
  readonly issuer: X509Certificate | undefined;
  readonly url: URL | undefined;
  readonly mustStaple: boolean;
}

/** undefined: there is nothing to be asked. */
export function subjectOf({ chain }: Certificate): Subject | undefined {
  const [leaf, issuer] = readChain(chain) ?? [];
  if (leaf === undefined) return undefined;
  const { ocspUrl, mustStaple } = factsOf(leaf);
  if (ocspUrl === undefined && !mustStaple) return undefined;
  return { leaf, issuer, mustStaple, url: ocspUrl === undefined ? undefined : new URL(ocspUrl) };
}

/** Why nobody can be asked: a sentence; "" = somebody can. */
export function obstacle({ issuer, url }: Subject): string {
  if (url === undefined) return "the certificate does not say who is to be asked";
  return issuer === undefined
    ? "the certificate of who signed it is not in its chain (a root never is), and without it no answer can be checked"
    : "";
}

/** In DER, not looked at yet. Rejects with a sentence. */
export async function answerFor(
  { leaf, issuer, url }: Subject,
  signal: AbortSignal,
): Promise<Buffer> {
  if (issuer === undefined || url === undefined) throw new TypeError("it is not asked for");
  const headers = {
    "Content-Type": "application/ocsp-request",
    Accept: "application/ocsp-response",
  };
  const { status, body } = await webAnswer(
    {
      ...{ url, method: "POST", headers, body: ocspRequest(leaf, issuer), tls: undefined, signal },
      ...{ who: `the OCSP responder ${url.host}`, place: "the certificate" },
      timeout: limits.answer,
    },
    limits.bytes,
  );
  if (status === 200) return body;
  throw new Error(`the OCSP responder ${url.host} answered with status ${status}`);
}
