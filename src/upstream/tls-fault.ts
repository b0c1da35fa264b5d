// Why TLS with a backend failed, in a sentence that says what to do. What the backend says itself is quoted, and never much of it.

import type { Backend, BackendTls } from "../config/service.ts";
import { quote } from "../lib/quote.ts";
import { expectedName, pinDiffers } from "./backend-tls.ts";

/** Of OpenSSL: it could not find who signed. */
const untrusted: ReadonlySet<string> = new Set([
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "CERT_UNTRUSTED",
  "CERT_REJECTED",
  "CERT_SIGNATURE_FAILURE",
  "INVALID_CA",
]);

/** What is said in the clear where a TLS record is awaited. */
const inTheClear: ReadonlySet<string> = new Set([
  "ERR_SSL_WRONG_VERSION_NUMBER",
  "ERR_SSL_PACKET_LENGTH_TOO_LONG",
  "ERR_SSL_HTTP_REQUEST",
  "ERR_SSL_RECORD_LAYER_FAILURE",
]);

const other: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "its certificate has expired: renew it there",
  CERT_NOT_YET_VALID:
    "its certificate is not valid yet: perhaps the clock of one of the two machines is wrong",
  CERT_REVOKED: "its certificate was revoked",
  ERR_SSL_UNSUPPORTED_PROTOCOL:
    "it speaks only versions of TLS that are older than tls.minVersion allows",
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: "it speaks no version of TLS that we speak",
  ERR_SSL_TLSV1_UNRECOGNIZED_NAME: "it serves no such name: set tls.serverName to one it has",
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: "it speaks none of the protocols that are offered",
  ECONNRESET: "it closed the connection in the middle of the handshake",
};

/** RFC 8446 section 6.2: what a server says of a client's certificate, or of its absence. */
const aboutOurs =
  /ALERT_(BAD_CERTIFICATE|CERTIFICATE_(REQUIRED|EXPIRED|REVOKED|UNKNOWN)|UNSUPPORTED_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR)$/;

/** The backend refused our certificate. With TLS 1.3 it says so only after our side of the handshake is done. */
export function isRefusalOfOurs({ code = "" }: NodeJS.ErrnoException): boolean {
  return aboutOurs.test(code);
}

export function tlsFaultText(
  error: NodeJS.ErrnoException,
  backend: Backend,
  tls: BackendTls,
): string {
  return `TLS failed: ${reasonOf(error, backend, tls)}`;
}

function reasonOf(error: NodeJS.ErrnoException, backend: Backend, tls: BackendTls): string {
  const { code = "" } = error;
  if (code === pinDiffers) return error.message;
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return otherName(error, expectedName(backend, tls));
  if (untrusted.has(code)) {
    return tls.ca === undefined
      ? `nobody we trust signed its certificate (${code}): name its authority in tls.ca, or its key in tls.pins`
      : `none of the authorities in tls.ca signed its certificate (${code})`;
  }
  if (inTheClear.has(code)) {
    const http = backend.http2 === true ? "grpc" : "http";
    const plain = backend.protocol === "http" ? http : backend.protocol;
    return `it speaks no TLS on this port: write ${plain}://, or the port where it does`;
  }
  if (isRefusalOfOurs(error)) return refusal(error, tls);
  if (code.endsWith("ALERT_HANDSHAKE_FAILURE") && tls.client === undefined) {
    return "it refused the handshake: perhaps it wants a certificate of ours (tls.cert and tls.key), or we have no cipher in common";
  }
  if (code === "ECONNRESET" && tls.client !== undefined) {
    return `${other[code]}: perhaps it does not trust the certificate in tls.cert`;
  }
  return other[code] ?? quote(reasonIn(error));
}

function refusal(error: NodeJS.ErrnoException, { client }: BackendTls): string {
  return client === undefined
    ? "it wants a certificate of ours: set tls.cert and tls.key"
    : `it refused the certificate in tls.cert (${quote(reasonIn(error))}): look at whom it trusts, and until when ours is valid`;
}

function otherName(error: NodeJS.ErrnoException, name: string): string {
  const certificate: unknown = Reflect.get(error, "cert");
  const names: unknown =
    typeof certificate === "object" && certificate !== null
      ? Reflect.get(certificate, "subjectaltname")
      : undefined;
  const found = typeof names === "string" ? quote(names.replaceAll(/(DNS|IP Address):/g, "")) : "";
  const whose = found === "" ? "names no host" : `is for ${found}`;
  return `its certificate ${whose}, and not for ${name}: set tls.serverName to the name it has`;
}

/** OpenSSL's sentences come with its own file names and line numbers; the reason is what says something. */
function reasonIn(error: Error): string {
  const reason: unknown = Reflect.get(error, "reason");
  return typeof reason === "string" ? reason : error.message;
}
