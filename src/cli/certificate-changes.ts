// `tidegate certs put` and `certs remove`: certificates of the store. Files are read here, by whoever types the command; the
// program is sent what stands in them.

import { readFile } from "node:fs/promises";
import { splitPem } from "../config/read-certificate.ts";
import { NoAnswer, refusedCode } from "./running.ts";
import { type ChangeCommandOptions, put, unset } from "./store-changes.ts";

const section = "certificates";

/** Returns the exit code. @param key undefined = it stands in the file of the certificate */
export async function putCertificate(
  { name, cert, key }: { name: string; cert: string; key: string | undefined },
  options: ChangeCommandOptions,
): Promise<number> {
  const text = await textOf(cert);
  const value =
    key === undefined ? splitPem(text) : { cert: splitPem(text).cert, key: await textOf(key) };
  if (value.key.trim() === "") {
    const remedy = key === undefined ? "say --key FILE, too" : "is it the right file?";
    throw new NoAnswer(`no private key is in ${key ?? cert}: ${remedy}`, refusedCode);
  }
  return put({ section, name, value }, options);
}

/** Returns the exit code. */
export function removeCertificate(name: string, options: ChangeCommandOptions): Promise<number> {
  return unset({ section, name }, options);
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new NoAnswer(`${path} cannot be read: ${cause}`, refusedCode);
  }
}
