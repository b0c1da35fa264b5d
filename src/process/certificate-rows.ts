// Certificates as operators see them, and what is wrong with them in a sentence.

import type { CertificateRow } from "../admin/operations.ts";
import type { HeldCertificate } from "../certificates/certificate-file.ts";
import { timeStateOf, type TimeState } from "../certificates/certificate-state.ts";
import type { Fault } from "../certificates/watched-place.ts";
import type { Certificate } from "../config/certificate.ts";
import type { NeededNames } from "./needed-names.ts";

export interface Shown {
  readonly held: readonly HeldCertificate[];
  readonly faults: readonly Fault[];
  readonly needed: NeededNames;
  /** ms since 1970 */
  readonly now: number;
}

export function certificateRows({ held, faults, needed, now }: Shown): readonly CertificateRow[] {
  const byPath = new Map(faults.map((each) => [each.path, each]));
  const shown = new Set<string>();
  const rows = held.map((each) => {
    const fault = byPath.get(each.certificate.origin.place);
    if (fault !== undefined) shown.add(fault.path);
    return rowOf(each, fault, { needed, now });
  });
  return [...rows, ...faults.filter(({ path }) => !shown.has(path)).map(faultRow)];
}

export function rowOf(
  { certificate, issuer, remarks, refused }: HeldCertificate,
  fault: Fault | undefined,
  { needed, now }: Pick<Shown, "needed" | "now">,
): CertificateRow {
  const { id, names, kind, notBefore, notAfter, origin } = certificate;
  const state = timeStateOf(certificate, now);
  const sentences = [timeText(state, certificate, now), ...remarks];
  // That what was there before has ended too is worse.
  const isKept = fault !== undefined && state !== "expired";
  const isBad = isKept || (refused !== undefined && state !== "expired");
  if (refused !== undefined) sentences.unshift(refused);
  if (fault !== undefined) sentences.unshift(`${fault.why}; what was there before is shown on`);
  return {
    ...{ names, kind, issuer, fingerprint: id, source: origin.place, item: undefined },
    ...{ from: isoOf(notBefore), until: isoOf(notAfter) },
    state: isBad ? "unusable" : state,
    since: isKept ? isoOf(fault.since) : undefined,
    why: sentences.filter((each) => each !== "").join("; "),
    isNeeded: needed.has(names),
  };
}

/** Whose it would be nobody knows. */
export function faultRow({ path, why, since }: Fault): CertificateRow {
  return {
    ...{ names: [], kind: undefined, issuer: "", fingerprint: undefined },
    ...{ from: undefined, until: undefined, state: "unusable", since: isoOf(since) },
    ...{ why, source: path, item: undefined, isNeeded: true },
  };
}

function timeText(state: TimeState, { notBefore, notAfter }: Certificate, now: number): string {
  switch (state) {
    case "ok":
      return "";
    case "expires soon":
      return `${days(notAfter - now)} are left of ${days(notAfter - notBefore)}, and nobody has renewed it`;
    case "expired":
      return `it ended ${days(now - notAfter)} ago, and clients refuse it`;
    case "not yet valid":
      return `it begins in ${days(notBefore - now)}, unless the clock of this machine is wrong`;
  }
}

function days(ms: number): string {
  const hours = Math.round(ms / 3_600_000);
  return hours < 48 ? `${hours} hours` : `${Math.floor(hours / 24)} days`;
}

/** Certificates may say years that dates cannot. */
function isoOf(time: number): string | undefined {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
