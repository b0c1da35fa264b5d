// Certificates that are had by themselves, as operators see them: what is there with what is being done about it, and names that
// wait for their first one.

import { onDemand } from "../acme/asked-names.ts";
import type { GroupState } from "../acme/certificate-orders.ts";
import type { KeptCertificate } from "../acme/vault.ts";
import type { CertificateRow } from "../admin/operations.ts";
import type { HeldCertificate } from "../certificates/certificate-file.ts";

export function withRenewals(
  kept: readonly KeptCertificate[],
  states: readonly GroupState[],
): readonly HeldCertificate[] {
  const byName = statesByName(states);
  return kept.map(({ certificate, issuer }) => {
    const state = certificate.names.map((each) => byName.get(each)).find((each) => each);
    const remarks = state === undefined ? [] : [`it is to be renewed: ${state.why}`];
    return { certificate, issuer, remarks };
  });
}

function statesByName(states: readonly GroupState[]): ReadonlyMap<string, GroupState> {
  const unwell = states.filter(({ state }) => state !== "well");
  return new Map(unwell.flatMap((each) => each.names.map((name) => [name, each] as const)));
}

/** Names that others look after now, or nobody routes: no matter what becomes of ours for them. */
export function withoutUnwanted(
  rows: readonly CertificateRow[],
  kept: readonly KeptCertificate[],
  states: readonly GroupState[],
): readonly CertificateRow[] {
  const wanted = new Set(states.flatMap(({ names }) => names));
  const own = kept.filter(({ certificate }) => !certificate.names.some((each) => wanted.has(each)));
  const unwanted = new Set(own.map(({ certificate }) => certificate.id));
  return rows.map((row) =>
    unwanted.has(row.fingerprint ?? "") ? { ...row, isNeeded: false } : row,
  );
}

/** Of names that have none yet. */
export function waitingRows(
  kept: readonly KeptCertificate[],
  states: readonly GroupState[],
): readonly CertificateRow[] {
  const names = new Set(kept.flatMap(({ certificate }) => certificate.names));
  const isShown = (name: string) =>
    names.has(name) || names.has(`*${name.slice(name.indexOf("."))}`);
  return states
    .filter((each) => each.state !== "well" && !each.names.every(isShown))
    .map(({ names: wanted, route, state, why, failures }) => ({
      ...{ names: wanted, kind: undefined, fingerprint: undefined, issuer: "" },
      ...{ from: undefined, until: undefined, since: undefined },
      // Anybody can ask for a name, and nobody has to be woken for it.
      isNeeded: route !== onDemand,
      // What failed is told of until it goes well, also while it is tried again.
      state: failures > 0 || state === "waiting" ? "waiting" : "ordering",
      why: `${why}; until then one that nobody signed is shown`,
      item: undefined,
      source: route === onDemand ? onDemand : `route ${route}`,
    }));
}
