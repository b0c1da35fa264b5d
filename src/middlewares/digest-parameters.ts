// What a client answers to a digest challenge (RFC 7616 section 3.4): read strictly, since another reading would be
// another request than the one that was signed.

export interface DigestAnswer {
  readonly name: string;
  readonly realm: string;
  readonly nonce: string;
  readonly uri: string;
  readonly response: string;
  readonly algorithm: "MD5" | "SHA-256";
  /** 8 hex digits. */
  readonly nc: string;
  readonly cnonce: string;
}

const parameter = /\s*([a-z*]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))\s*(?:,|$)/iy;

/** @param value of the Authorization field; undefined = it is no such answer */
export function readDigest(value: string): DigestAnswer | undefined {
  const begin = /^digest +/i.exec(value);
  if (begin === null) return undefined;
  const found = parametersOf(value, begin[0].length);
  if (found === undefined || found.get("qop") !== "auth") return undefined;
  const nc = found.get("nc") ?? "";
  const algorithm = (found.get("algorithm") ?? "MD5").toUpperCase();
  // What was not offered; and a hashed name would have to be looked for among all users.
  if (algorithm !== "MD5" && algorithm !== "SHA-256") return undefined;
  if (found.get("userhash")?.toLowerCase() === "true") return undefined;
  const name = nameOf(found);
  const text = (key: string) => found.get(key) ?? "";
  const [nonce, uri, response, cnonce] = ["nonce", "uri", "response", "cnonce"].map(text);
  if (name === undefined || !nonce || !uri || !response || !cnonce) return undefined;
  if (!/^[0-9a-f]{8}$/i.test(nc)) return undefined;
  return { name, realm: text("realm"), nonce, uri, response, algorithm, nc, cnonce };
}

function parametersOf(value: string, start: number): ReadonlyMap<string, string> | undefined {
  const found = new Map<string, string>();
  parameter.lastIndex = start;
  for (let at = start; at < value.length; at = parameter.lastIndex) {
    const [, key = "", quoted, plain = ""] = parameter.exec(value) ?? [];
    const name = key.toLowerCase();
    if (name === "" || found.has(name)) return undefined;
    found.set(name, quoted === undefined ? plain : quoted.replaceAll(/\\(.)/g, "$1"));
  }
  return found;
}

/** Of fields, which are a character for each byte; or `username*` as RFC 8187 has it. */
function nameOf(found: ReadonlyMap<string, string>): string | undefined {
  const extended = found.get("username*");
  const plain = found.get("username");
  if (extended === undefined) return plain === undefined ? undefined : textOf(plain);
  const [, encoded] = /^utf-8'[^']*'(.+)$/i.exec(extended) ?? [];
  if (encoded === undefined || plain !== undefined) return undefined;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

function textOf(latin1: string): string {
  const text = Buffer.from(latin1, "latin1").toString();
  return text.includes("\ufffd") ? latin1 : text;
}
