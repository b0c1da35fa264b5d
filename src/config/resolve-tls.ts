// TLS as the file says it → as the Snapshot holds it. What is said of a host goes before what is said of a listener, and that
// before what is said of all.

import { resolve } from "node:path";
import { createSecureContext } from "node:tls";
import { normaliseHostPattern } from "../lib/host.ts";
import { resolveAcme } from "./resolve-acme.ts";
import { given, report } from "./context.ts";
import type { Context } from "./context.ts";
import { maxPemBytes } from "./limits.ts";
import { authoritiesOf, textOf } from "./pem.ts";
import type { Path } from "./problem.ts";
import type {
  CertificatePlaceInput,
  ClientAuthInput,
  TlsInput,
  TlsOptionsInput,
} from "./tls-schema.ts";
import type {
  CertificatePlace,
  ClientAuth,
  TlsHost,
  TlsOptions,
  TlsSettings,
} from "./tls-settings.ts";

const defaults: TlsOptions = { profile: "intermediate", strict: false, clientAuth: undefined };

/** `base` where the input says nothing. */
export function resolveTlsOptions(
  context: Context,
  input: TlsOptionsInput | undefined,
  path: Path,
  base: TlsOptions = defaults,
): TlsOptions {
  return { ...base, ...(input === undefined ? {} : saidOf(context, input, path)) };
}

function saidOf(context: Context, input: TlsOptionsInput, path: Path): Partial<TlsOptions> {
  const { profile, strict, clientAuth } = input;
  const auth =
    clientAuth === undefined
      ? undefined
      : clientAuthOf(context, clientAuth, [...path, "clientAuth"]);
  return given({ profile, strict, clientAuth: auth });
}

function clientAuthOf(
  context: Context,
  input: ClientAuthInput,
  path: Path,
): ClientAuth | undefined {
  const authorities = authoritiesOf(context, input.ca, [...path, "ca"]);
  const revoked =
    input.crl === undefined ? undefined : revokedOf(context, input.crl, [...path, "crl"]);
  if (authorities === undefined) return undefined;
  return { mode: input.mode ?? "require", authorities, revoked };
}

/** One by one: OpenSSL reads the first list of a text. */
function revokedOf(context: Context, file: string, path: Path): readonly string[] | undefined {
  const pem = textOf(context, file, path, maxPemBytes);
  if (pem === undefined) return undefined;
  const begin = "-----BEGIN X509 CRL-----";
  const lists = pem
    .split(begin)
    .slice(1)
    .map((each) => begin + each);
  if (lists.length === 0) {
    const remedy = `it begins with ${begin}: openssl crl -inform DER -in LIST.crl -out LIST.pem`;
    report(context, path, { message: "holds no list of revoked certificates", remedy });
    return undefined;
  }
  try {
    createSecureContext({ crl: lists });
    return lists;
  } catch {
    report(context, path, { message: "holds a list that cannot be read", remedy: "fetch it anew" });
    return undefined;
  }
}

export function resolveTls(
  context: Context,
  input: TlsInput | undefined,
  base: TlsOptions,
): TlsSettings {
  const defaultName =
    input?.default === undefined ? undefined : nameOf(context, input.default, ["tls", "default"]);
  const acme = resolveAcme(context, input?.acme);
  const hosts = acme.onDemand?.hosts ?? [];
  return {
    demanded: acme.onDemand === undefined || hosts.length > 0 ? hosts : ["*"],
    places: (input?.certificates ?? []).map((each) => placeOf(context, each)),
    defaultName,
    options: base,
    hosts: Object.entries(input?.hosts ?? {}).flatMap(([written, options]): TlsHost[] => {
      const path = ["tls", "hosts", written];
      const name = nameOf(context, written, path);
      return name === undefined ? [] : [{ name, said: saidOf(context, options, path) }];
    }),
    acme,
  };
}

function placeOf(context: Context, input: CertificatePlaceInput): CertificatePlace {
  const at = (path: string) => resolve(context.baseFolder, path);
  if (typeof input === "string") return { kind: "folder", path: at(input) };
  return { kind: "files", cert: at(input.cert), key: at(input.key ?? input.cert) };
}

function nameOf(context: Context, written: string, path: Path): string | undefined {
  const name = normaliseHostPattern(written);
  if (name !== undefined && name !== "*") return name;
  const remedy = 'write a name, or "*.NAME" for every name below';
  report(context, path, {
    message: `${JSON.stringify(written)} is not a host name`,
    remedy,
    at: "key",
  });
  return undefined;
}
