// Reads a certificate that stands in an item, all of it or nothing: what can be used of it, or each thing that is wrong
// with the key it stands under. No message repeats anything of a private key.

import { type Bundle, readBundle } from "../x509/bundle.ts";
import { covers } from "../x509/names.ts";
import { pemBlocks } from "../x509/pem.ts";
import { readPemObjects } from "../x509/pem-objects.ts";
import { type CertificateInput, type CertificateItem, hostInName } from "./certificate-item.ts";
import { certificateOf, unusable } from "./certificate-pair.ts";
import type { Path } from "./problem.ts";
import type { Origin } from "./snapshot.ts";
import { notShown } from "./words.ts";

export interface CertificateProblem {
  /** Below the item. */
  readonly path: Path;
  readonly message: string;
  readonly remedy?: string;
  readonly severity: "error" | "warning";
}

export interface CertificateReading {
  readonly held: CertificateItem["held"];
  /** With an error `held` is empty. */
  readonly problems: readonly CertificateProblem[];
}

/** @param name of the item */
export function readCertificate(
  { cert, key }: CertificateInput,
  { name, origin, now = Date.now() }: { name: string; origin: Origin; now?: number },
): CertificateReading {
  if (key === notShown) {
    const message = "stands for a key that is not shown, and there is none yet";
    return failed("key", message, "send the key itself; `tidegate export --keys` writes it");
  }
  if (/-----BEGIN ([A-Z]+ )*PRIVATE KEY-----/.test(cert)) {
    return failed("cert", "has a private key in it", "write that under key alone: cert is shown");
  }
  // A key is found in a long text by its line: in this order it is the line of its own text.
  const bundle = readBundle(`${key}\n${cert}`, now);
  const faults = [...faultsOf(bundle, { cert, key }), ...strangeNames(bundle, name)];
  if (faults.length > 0) return { held: [], problems: faults };
  const held = bundle.pairs.map((pair) => ({
    certificate: certificateOf(pair, origin),
    issuer: pair.facts.issuer,
    remarks: bundle.remarks,
  }));
  return { held, problems: warningsOf(bundle, now) };
}

function failed(key: "cert" | "key", message: string, remedy: string): CertificateReading {
  return { held: [], problems: [{ path: [key], message, remedy, severity: "error" }] };
}

/** Those of one text alone stand where it does; what is wrong between the two is told of the certificate. */
function faultsOf({ pairs, problems }: Bundle, { cert, key }: CertificateInput) {
  const at = (path: Path, message: string): CertificateProblem => {
    return { path, message, severity: "error" };
  };
  const bad = pairs.flatMap((pair) => unusable(pair) ?? []).map((why) => at(["cert"], why));
  if (problems.length === 0) return bad;
  const ofKey = readPemObjects(key);
  const ofCert = readPemObjects(cert);
  const alone = [
    ...(ofKey.problems.length > 0 ? ofKey.problems : ofKey.keys.length > 0 ? [] : [noKey]).map(
      (why) => at(["key"], why),
    ),
    ...ofCert.problems.map((why) => at(["cert"], why)),
  ];
  return [...(alone.length > 0 ? alone : problems.map((why) => at(["cert"], why))), ...bad];
}

const noKey = "no key is in it: it begins with -----BEGIN PRIVATE KEY-----";

/** Whoever names a host means a certificate for it. */
function strangeNames({ pairs }: Bundle, item: string): CertificateProblem[] {
  const host = hostInName(item);
  if (host === undefined) return [];
  return pairs
    .filter(({ facts }) => !covers(facts.names, host))
    .map(({ facts }) => {
      const message = `is for ${shown(facts.names)}, and not for ${JSON.stringify(host.slice(0, 300))}`;
      const remedy = "name it for a host that it covers, or for none, as certificates:NAME";
      return { path: ["cert"], message, remedy, severity: "error" };
    });
}

const mostNames = 3;

function shown(names: readonly string[]): string {
  const more = names.length - mostNames;
  return `${names.slice(0, mostNames).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function warningsOf({ pairs, remarks }: Bundle, now: number): CertificateProblem[] {
  const at = (message: string): CertificateProblem => {
    return { path: ["cert"], message, severity: "warning" };
  };
  const ended = pairs.filter(({ facts }) => facts.notAfter <= now);
  return [
    ...ended.map(({ facts }) => at(`that of ${shown(facts.names)} has ended: clients refuse it`)),
    ...remarks.map(at),
  ];
}

/** Blocks of one text: more than a chain of five and two keys is no such text, and is told of by who reads it. */
const mostBlocks = 64;

/** One PEM text with certificate and key in it, as two. What belongs to no key stays with the certificate. */
export function splitPem(text: string): CertificateInput {
  const keys = pemBlocks(text, mostBlocks).blocks.filter(({ label }) =>
    label.endsWith("PRIVATE KEY"),
  );
  const rest = keys.reduce((left, { text: key }) => left.replace(key, () => ""), text);
  return { cert: rest.trim(), key: keys.map(({ text: key }) => `${key}\n`).join("") };
}
