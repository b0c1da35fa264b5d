// Items as they are shown, and what was not shown put back into what comes back. Of a certificate its key is taken and never
// told again; where changes are listed, it is what people know it by.

import { type CertificateItem, hostInName } from "../config/certificate-item.ts";
import type { ItemSection } from "../config/item.ts";
import { notShown } from "../config/words.ts";
import { isRecord } from "../lib/json.ts";
import { namesOf as namesIn } from "../x509/certificate-facts.ts";
import { certificateName } from "../x509/names.ts";
import { readPemObjects } from "../x509/pem-objects.ts";
import { withoutSecrets, withSecretsOf } from "./item-references.ts";

export function shownItem(section: ItemSection, value: unknown): unknown {
  return section === "certificates" ? withoutKey(value) : withoutSecrets(value);
}

/** @param value undefined = there is none */
export function shownChange(section: ItemSection, value: unknown): unknown {
  if (section !== "certificates") return withoutSecrets(value);
  return value === undefined ? undefined : certificateFacts(value);
}

/** @param before what there is */
export function unshown(section: ItemSection, before: unknown, value: unknown): unknown {
  if (section !== "certificates") return withSecretsOf(before, value);
  const isKept = isRecord(value) && value["key"] === notShown;
  if (!isKept || !isRecord(before) || !Object.hasOwn(before, "key")) return value;
  return { ...value, key: before["key"] };
}

/** As it would be written. */
export function certificateWords({ held }: CertificateItem): unknown {
  if (held.length === 0) return undefined;
  return { cert: held.map(({ certificate }) => certificate.chain).join(""), key: notShown };
}

/** Whose it is meant to be; undefined = nobody can tell. None = it is called as if it were for a host, and is for none. */
export function namesOf({ name, held }: CertificateItem): readonly string[] | undefined {
  if (held.length > 0) return held.flatMap(({ certificate }) => certificate.names);
  const host = hostInName(name);
  if (host === undefined) return undefined;
  return certificateName(host) === undefined ? [] : [host];
}

/** What is damaged may have anything anywhere. */
function withoutKey(value: unknown): unknown {
  const cert = isRecord(value) ? value["cert"] : undefined;
  const isPublic = typeof cert === "string" && !cert.includes("PRIVATE KEY");
  return { cert: isPublic ? cert : notShown, key: notShown };
}

function certificateFacts(value: unknown): unknown {
  const cert = isRecord(value) ? value["cert"] : undefined;
  const { certificates } = readPemObjects(typeof cert === "string" ? cert : "");
  const own = certificates.filter((each) => !each.ca);
  // Not `factsOf`: what stands beside a pair and belongs to nobody may have a key that OpenSSL cannot read.
  const facts = (own.length > 0 ? own : certificates).map((each) => ({
    names: namesIn(each),
    fingerprint: each.fingerprint256.replaceAll(":", "").toLowerCase(),
    until: each.validToDate.toISOString(),
  }));
  return facts.length > 1 ? facts : (facts[0] ?? notShown);
}
