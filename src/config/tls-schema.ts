// The schema of TLS with clients: `tls`, and the same keys below a listener. What needs more than one key is checked in
// `resolve-tls.ts`.

import * as z from "zod";
import { acme } from "./acme-schema.ts";
import { filePath, flag, key, mapping, mustBe, oneOrMore, text } from "./scalar.ts";
import { tlsProfiles } from "./tls-settings.ts";

const clientAuth = mapping({
  ca: filePath().meta({
    description: "PEM file with the authorities that sign certificates of clients.",
  }),
  crl: key(
    filePath(),
    "PEM file with lists of what they have revoked, one of every authority of the chain. Read with `tidegate reload`.",
  ),
  mode: key(
    z.enum(["require", "request"]),
    "`require`: who shows none is refused. `request`: the backend is told whether there is one. One that is no good is refused either way.",
    "require",
  ),
});

export type ClientAuthInput = z.output<typeof clientAuth>;

const optionKeys = {
  profile: key(
    z.enum(tlsProfiles),
    "`modern`: TLS 1.3 alone; `intermediate`: 1.2 as well; `old`: back to 1.0, for what cannot do better.",
    "intermediate",
  ),
  strict: key(
    flag(),
    "Refuse who asks for a name that no certificate is for, instead of showing the default one.",
    false,
  ),
  clientAuth: key(clientAuth, "Certificates that clients must show."),
};

export const tlsOptions = mapping(optionKeys);

export type TlsOptionsInput = z.output<typeof tlsOptions>;

export const listenerTls = z.union([flag(), tlsOptions], {
  error: mustBe({ what: "true, false or a mapping", remedy: "write tls: true" }),
});

const pair = mapping({
  cert: filePath().meta({
    description: "PEM file with the certificate and those above it, in any order.",
  }),
  key: key(
    filePath(),
    "PEM file with its key, not encrypted. Without it: it stands in `cert`, too.",
  ),
});

const certificatePlace = z.union([filePath(), pair], {
  error: mustBe({
    what: "a folder, a file, or a mapping of cert and key",
    remedy: "write /etc/tidegate/certs",
  }),
});

export type CertificatePlaceInput = z.output<typeof certificatePlace>;

export const tls = mapping({
  ...optionKeys,
  certificates: key(
    oneOrMore(certificatePlace, { what: "a folder, a file, or a list of these" }),
    "Where certificates lie: folders, PEM files with both, or files of certificate and key. They are watched, and shown by the names in them.",
  ),
  default: key(
    text({ what: "a host name" }),
    "Whose certificate is shown when none is for the name that is asked for. Without it: one that nobody signed.",
  ),
  hosts: key(
    z.record(z.string(), tlsOptions, {
      error: mustBe({ what: "a mapping of host names to profile, strict and clientAuth" }),
    }),
    'What differs for some names: `example.com`, or `"*.example.com"` for every name below.',
  ),
  acme: key(acme, "Where certificates of routes with `tls: auto` come from."),
});

export type TlsInput = z.output<typeof tls>;
