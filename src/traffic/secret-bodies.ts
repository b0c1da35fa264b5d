// What lets somebody in, in bodies that say what is what: forms, and JSON, also without a type. What is compressed or has another form cannot
// be looked through.

import type { FieldLine } from "./recorded.ts";
import { hidden, isSecretName, type SecretNames, shownQuery } from "./secrets.ts";

/** In JSON these two are names of anything, and hardly ever of a secret. */
const usual = new Set(["key", "code"]);

/** A name, and a value that is a text, perhaps cut off, or a number. */
const jsonPair = /"([^"\\]{1,200})"(\s*:\s*)("[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?$)|-?\d[\d.eE+-]*)/gs;

/** @returns the same bytes where there is nothing to be left out */
export function shownBody(bytes: Buffer, fields: readonly FieldLine[], names: SecretNames): Buffer {
  const type = valueOf(fields, "content-type").toLowerCase();
  if (bytes.length === 0 || !/^(|identity)$/i.test(valueOf(fields, "content-encoding"))) {
    return bytes;
  }
  // Byte by byte: what it is written in does not matter, and what was cut in the middle of a letter stays as it is.
  const text = bytes.toString("latin1");
  const shown = type.startsWith("application/x-www-form-urlencoded")
    ? shownQuery(text, names)
    : /^[^;]*[/+]json\b/.test(type) || (type === "" && /^\s*[[{]/.test(text))
      ? shownJson(text)
      : text;
  return shown === text ? bytes : Buffer.from(shown, "latin1");
}

function shownJson(text: string): string {
  return text.replace(jsonPair, (all: string, name: string, between: string) =>
    isSecretName(name) && !usual.has(name) ? `"${name}"${between}"${hidden}"` : all,
  );
}

function valueOf(fields: readonly FieldLine[], wanted: string): string {
  return fields.find(([name]) => name.toLowerCase() === wanted)?.[1].trim() ?? "";
}
