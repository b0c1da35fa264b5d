// `services.NAME.tls` as the file may say it: how TLS is spoken to backends, and how it is made sure who answers.

import { defaultBackendTls } from "./backend-tls-limits.ts";
import { filePath, flag, key, mapping, oneOrMore, parsed } from "./scalar.ts";
import * as z from "zod";

/** Of the SHA-256 of a public key, as RFC 7469 section 2.4 has it: 32 bytes are 43 digits of base64 and a sign. */
const pinForm = /^sha256\/([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)$/;

const pinRemedy =
  "write sha256/ and the base64 of the SHA-256 of its public key: openssl x509 -in CERT -pubkey -noout | openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | base64";

const pin = parsed({ what: "a pin", remedy: pinRemedy }, (value, refuse) => {
  const digest = pinForm.exec(value)?.[1];
  return digest ?? refuse(`${JSON.stringify(value)} is not a pin`, pinRemedy);
});

const protocol = parsed({ what: "a protocol" }, (value, refuse) =>
  /^[\x21-\x7e]{1,255}$/.test(value)
    ? value
    : refuse(`${JSON.stringify(value)} is not the name of a protocol`, "write postgresql"),
);

export const backendTls = mapping({
  verify: key(
    flag(),
    "Check the backend's certificate: its authority, its name and its dates. Never turn it off across a network. Without it: `true`, with `pins` `false`.",
  ),
  ca: key(filePath(), "PEM file with the authorities to trust instead of the system's."),
  serverName: key(
    parsed({ what: "a host name" }, (value, refuse) =>
      value.length <= 253 && /^[\w-]+(\.[\w-]+)*$/.test(value)
        ? value.toLowerCase()
        : refuse(`${JSON.stringify(value)} is not a host name`),
    ),
    "Name to send (SNI) and to verify, when it is not the backend's host name.",
  ),
  pins: key(
    oneOrMore(pin, { what: "a pin or a list of pins", remedy: pinRemedy }),
    "Public keys of which the backend must have one, as `sha256/BASE64` (RFC 7469). Who signed its certificate, its name and its dates do not matter then, unless `verify: true` is said too.",
  ),
  cert: key(filePath(), "PEM file with the certificate that we show, and those above it."),
  key: key(filePath(), "PEM file with its key, not encrypted."),
  minVersion: key(z.enum(["TLSv1.2", "TLSv1.3"]), "The oldest version that is spoken.", "TLSv1.2"),
  http2: key(
    flag(),
    "Offer HTTP/2 to https backends beside HTTP/1.1. They choose; without it everything is sent as HTTP/1.1.",
    defaultBackendTls.http2,
  ),
  alpn: key(
    oneOrMore(protocol, { what: "a protocol or a list of protocols", remedy: "write postgresql" }),
    "Protocols to offer, for tls backends: `postgresql`. What https backends are offered is said by `http2`.",
  ),
});

export type BackendTlsInput = z.output<typeof backendTls>;
