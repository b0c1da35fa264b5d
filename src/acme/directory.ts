// What a certificate authority offers, and where (RFC 8555 section 7.1.1).

import { isRecord, recordAt, textAt } from "../lib/json.ts";
import { plain } from "./problem.ts";

export type Service = "newNonce" | "newAccount" | "newOrder" | "revokeCert" | "keyChange";

export interface Directory {
  readonly services: Readonly<Record<Service, string>>;
  /** Of RFC 9773; undefined where it says nothing about renewals. */
  readonly renewalInfo: string | undefined;
  /** Terms of service, for people. */
  readonly terms: string | undefined;
  /** It takes accounts of its customers alone. */
  readonly needsBinding: boolean;
  /** What it says of each profile of certificates that it has. Empty = it knows no profiles. */
  readonly profiles: ReadonlyMap<string, string>;
}

// It offers a handful of them, with a sentence each.
const maxProfiles = 50;
const maxText = 500;

/** @param urlOf throws when a text is no address that may be asked @throws what is wrong, for people */
export function readDirectory(
  value: unknown,
  urlOf: (text: string, what: string) => string,
): Directory {
  const service = (name: Service) => urlOf(textAt(value, name), name);
  const optional = (where: unknown, name: string) => {
    const text = textAt(where, name);
    return text === "" ? undefined : urlOf(text, name);
  };
  const meta = recordAt(value, "meta");
  const terms = textAt(meta, "termsOfService");
  return {
    services: {
      newNonce: service("newNonce"),
      newAccount: service("newAccount"),
      newOrder: service("newOrder"),
      revokeCert: service("revokeCert"),
      keyChange: service("keyChange"),
    },
    renewalInfo: optional(value, "renewalInfo"),
    terms: terms === "" ? undefined : plain(terms, maxText),
    needsBinding: isRecord(meta) && meta["externalAccountRequired"] === true,
    profiles: profilesOf(recordAt(meta, "profiles")),
  };
}

function profilesOf(value: Readonly<Record<string, unknown>>): ReadonlyMap<string, string> {
  const said = Object.entries(value).slice(0, maxProfiles);
  return new Map(
    said.map(([name, what]) => [name, typeof what === "string" ? plain(what, maxText) : ""]),
  );
}
