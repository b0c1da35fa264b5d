// `services.NAME.tls` as the file says it → as the Snapshot holds it: files read, and tried together, so that no
// connection fails later for what stands in them.

import { createSecureContext } from "node:tls";
import type { BackendTlsInput } from "./backend-tls-schema.ts";
import { report } from "./context.ts";
import type { Context } from "./context.ts";
import { backendTlsLimits, defaultBackendTls } from "./backend-tls-limits.ts";
import { authoritiesOf, pairOf } from "./pem.ts";
import type { Path } from "./problem.ts";
import type { Backend, BackendTls } from "./service.ts";

/** What is wrong is reported; what is returned then is of no use. */
export function resolveBackendTls(
  context: Context,
  input: BackendTlsInput | undefined,
  path: Path,
  backends: readonly Backend[],
): BackendTls {
  if (input === undefined) return defaultBackendTls;
  const pins = [...new Set(input.pins)];
  checkLists(context, input, path, backends[0]?.protocol ?? "http");
  if (input.http2 === false && backends.length > 0 && backends.every((each) => each.http2)) {
    const message = "is for https backends, and what is written here speaks HTTP/2 alone";
    const remedy = "leave it out, or write https://HOST:PORT";
    report(context, [...path, "http2"], { message, remedy, at: "key" });
  }
  const tls: BackendTls = {
    verify: input.verify ?? pins.length === 0,
    ca: input.ca === undefined ? undefined : authoritiesOf(context, input.ca, [...path, "ca"]),
    serverName: input.serverName,
    pins,
    client: clientOf(context, input, path),
    minVersion: input.minVersion ?? defaultBackendTls.minVersion,
    http2: input.http2 ?? defaultBackendTls.http2,
    alpn: input.alpn ?? [],
  };
  tryOut(context, tls, path);
  return tls;
}

function checkLists(
  context: Context,
  { pins = [], alpn }: BackendTlsInput,
  path: Path,
  protocol: Backend["protocol"],
): void {
  if (pins.length > backendTlsLimits.pins) {
    const message = `has more than ${backendTlsLimits.pins} keys`;
    const remedy = "make several services of it, or name their authority in ca";
    report(context, [...path, "pins"], { message, remedy });
  }
  if (alpn === undefined) return;
  if (protocol === "http") {
    const message = "requests are sent as HTTP/2 or HTTP/1.1, and that is what is offered";
    const remedy = "leave it out, or say http2: false to offer HTTP/1.1 alone";
    report(context, [...path, "alpn"], { message, remedy, at: "key" });
  } else if (alpn.length > backendTlsLimits.protocols) {
    const message = `has more than ${backendTlsLimits.protocols} protocols`;
    report(context, [...path, "alpn"], { message, remedy: "name what is spoken" });
  }
}

function clientOf(context: Context, input: BackendTlsInput, path: Path): BackendTls["client"] {
  const { cert, key } = input;
  if (cert !== undefined && key !== undefined) return pairOf(context, { cert, key }, path);
  if (cert === undefined && key === undefined) return undefined;
  const [given, missing] = cert === undefined ? ["key", "cert"] : ["cert", "key"];
  const message = `is of no use without ${missing}`;
  report(context, [...path, given], { message, remedy: `add ${missing}`, at: "key" });
  return undefined;
}

function tryOut(context: Context, { ca, client }: BackendTls, path: Path): void {
  try {
    createSecureContext({
      ...(ca === undefined ? {} : { ca }),
      ...(client === undefined ? {} : { cert: client.certificate, key: client.key }),
    });
  } catch (error) {
    // The messages of OpenSSL name no bytes of the key.
    const why = error instanceof Error ? error.message : String(error);
    report(context, path, { message: `its files cannot be used: ${why}`, at: "key" });
  }
}
