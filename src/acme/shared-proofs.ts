// Proofs as nodes of a fleet tell each other of them: a text for each, since some are large and all come and go by themselves.

import type { Challenges } from "../config/certificate.ts";
import { textAt } from "../lib/json.ts";

/** Of proofs, as other nodes are told of them. */
export function textsOf({ http, alpn }: Challenges): ReadonlyMap<string, string> {
  return new Map([
    ...Object.entries(http).map(([token, answer]) => [`http/${token}`, answer] as const),
    ...Object.entries(alpn).map(([name, pair]) => [`alpn/${name}`, JSON.stringify(pair)] as const),
  ]);
}

/** What other nodes have us show goes with our own. */
export function withForeign(own: Challenges, foreign: ReadonlyMap<string, string>): Challenges {
  if (foreign.size === 0) return own;
  const of = (start: string) =>
    [...foreign]
      .filter(([name]) => name.startsWith(start))
      .map(([name, text]) => [name.slice(start.length), text] as const);
  const pairs = of("alpn/").flatMap(([name, text]) => {
    const pair = pairIn(text);
    return pair === undefined ? [] : [[name, pair] as const];
  });
  return {
    http: { ...Object.fromEntries(of("http/")), ...own.http },
    alpn: { ...Object.fromEntries(pairs), ...own.alpn },
  };
}

/** Whatever stands in etcd. */
function pairIn(text: string): { readonly chain: string; readonly key: string } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const [chain, key] = [textAt(value, "chain"), textAt(value, "key")];
    return chain === "" || key === "" ? undefined : { chain, key };
  } catch {
    return undefined;
  }
}
