// Hipache's `https` and `server.https`: where it listens with TLS, and with which certificates. It shows one to everybody, and so do
// we: whoever asks for a name that is in none is shown the first.

import { resolve } from "node:path";
import { certificateName } from "../certificate-name.ts";
import type { Settings } from "../outline.ts";
import { type Draft, fieldOf, textOf } from "./draft.ts";
import { listOf, oldPlaces, placeOf, portOf } from "./places.ts";

interface Secured {
  readonly places: readonly string[];
  readonly tls: Settings;
}

interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** undefined = nothing can be served there. */
export function readSecured(
  https: unknown,
  { root, path, draft }: { readonly root: unknown; readonly path: string; readonly draft: Draft },
): Secured | undefined {
  const port = portOf(fieldOf(https, "port"), path, draft, 443);
  const bind = listOf(fieldOf(https, "bind") ?? fieldOf(https, "address"));
  const server = fieldOf(root, "server");
  const items = bind.filter((each) => typeof each === "object");
  const places =
    bind.length === 0
      ? oldPlaces(server, port, draft)
      : bind.flatMap((each) => {
          const isItem = typeof each === "object";
          const own = isItem ? fieldOf(each, "port") : undefined;
          const place = { path: `${path}.bind`, port: portOf(own ?? port, path, draft, 443) };
          return placeOf(isItem ? fieldOf(each, "address") : each, place, draft);
        });
  const pairs = [https, ...items].flatMap((each) => pairOf(each, https));
  for (const each of [https, ...items]) tellOthers(each, path, draft);
  const [first] = pairs;
  if (first === undefined || places.length === 0) {
    const message = "names no key and cert, or no address: it is not served, and all the rest is";
    draft.note("warning", path, message, "write key and cert, files in PEM");
    return undefined;
  }
  const certificates = [...new Map(pairs.map((each) => [JSON.stringify(each), each])).values()];
  const name = certificateName(first.cert);
  const usual = name === undefined ? {} : { default: name };
  return { places: [...new Set(places)], tls: { certificates, ...usual } };
}

/** What an address does not say is as for all. */
function pairOf(item: unknown, https: unknown): Pair[] {
  const cert = textOf(fieldOf(item, "cert")) ?? textOf(fieldOf(https, "cert"));
  const key = textOf(fieldOf(item, "key")) ?? textOf(fieldOf(https, "key"));
  if (cert === undefined || key === undefined || /\p{Cc}/u.test(cert + key)) return [];
  return [{ cert: resolve(cert), key: resolve(key) }];
}

const said = new Map([
  ["ca", ["put it behind the certificate in cert: it is sent from there", "warning"]],
  ["passphrase", ["keys with a password cannot be used: openssl pkey -in KEY -out NEW", "warning"]],
  ["ciphers", ["see tls.profile", "note"]],
  ["honorCipherOrder", ["see tls.profile", "note"]],
  ["secureProtocol", ["see tls.profile", "note"]],
  ["secureOptions", ["see tls.profile", "note"]],
] as const);

function tellOthers(item: unknown, path: string, draft: Draft): void {
  for (const [key, [text, severity]] of said) {
    const value = fieldOf(item, key);
    if (value === undefined || value === null) continue;
    draft.note(severity, `${path}.${key}`, text);
  }
}
