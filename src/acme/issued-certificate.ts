// The certificate of an order, with the chain that leads where the operator wants, and only if it is what was asked
// for: what does not fit the key would take down whoever serves it.

import type { KeyObject, X509Certificate } from "node:crypto";
import { acmeClientLimits as limits } from "../config/acme-limits.ts";
import { readChain } from "../x509/bundle.ts";
import { factsOf, titleOf } from "../x509/certificate-facts.ts";
import { linksOf } from "./links.ts";
import { list, type Order } from "./order.ts";
import type { Answer, Wire } from "./wire.ts";

export interface CertificateWishes {
  /** The key that it was requested for, to see that it belongs to it. */
  readonly key: KeyObject;
  /** Common name of the root, or of who signed the last one, of the chain that is wanted. */
  readonly preferred?: string | undefined;
}

export interface IssuedCertificate {
  /** PEM: its own certificate first, then those above it. */
  readonly chain: string;
  /** False: none of its chains leads where it was wanted to; the first one was taken. */
  readonly isPreferred: boolean;
}

type Chain = readonly [X509Certificate, ...X509Certificate[]];

interface Asking {
  readonly wire: Wire;
  ask(url: string): Promise<Answer>;
}

export async function fetchCertificate(
  order: Order,
  { key, preferred }: CertificateWishes,
  { wire, ask }: Asking,
): Promise<IssuedCertificate> {
  const { certificate: url } = order;
  if (url === undefined) throw new TypeError("the order is not valid yet");
  const read = (answer: Answer) => chainIn(answer, order, { key, wire });
  const answer = await ask(url);
  const chain = read(answer);
  if (preferred === undefined || leadsTo(chain, preferred)) return issued(chain, true);
  const others = linksOf(answer.headers["link"], "alternate", url).slice(0, limits.alternates);
  for (const other of others) {
    const found = read(await ask(wire.url(other, "alternate chain")));
    if (leadsTo(found, preferred)) return issued(found, true);
  }
  return issued(chain, false);
}

function chainIn(
  { body }: Answer,
  { names }: Order,
  { key, wire }: { readonly key: KeyObject; readonly wire: Wire },
): Chain {
  const chain = readChain(body.toString("latin1"));
  if (chain === undefined) throw wire.lie("what it sends as a certificate is none");
  if (!chain[0].checkPrivateKey(key)) {
    throw wire.lie("the certificate that it sends belongs to another key");
  }
  const inside = new Set(factsOf(chain[0]).names);
  const lacking = names.filter((each) => !inside.has(each));
  if (lacking.length === 0) return chain;
  throw wire.lie(`the certificate that it sends is not for ${list(lacking)}`);
}

function issued(chain: Chain, isPreferred: boolean): IssuedCertificate {
  return { chain: chain.map(String).join(""), isPreferred };
}

function leadsTo(chain: Chain, preferred: string): boolean {
  return titleOf(chain.at(-1)?.issuer) === preferred;
}
