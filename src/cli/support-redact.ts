// What the program shows has no secrets in it; what leaves the house is looked through once more. Rather a value too much
// is left out than one too few.

import { hidden, isSecretField, isSecretName, shownTarget } from "../traffic/secrets.ts";

/** Any JSON value. */
export function redacted(value: unknown, name = ""): unknown {
  if (typeof value === "string") return isTold(name) ? textOf(value) : hidden;
  if (Array.isArray(value)) return value.map((each) => redacted(each, name));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]): [string, unknown] => {
      // A mapping of secrets is one of names to secrets.
      return [key, redacted(each, isTold(name) ? key : name)];
    }),
  );
}

/** Names under which this program keeps other things than secrets. */
const told = new Set(["key", "keys", "code", "sessions", "session", "auth"]);

function isTold(name: string): boolean {
  return told.has(name) || !(isSecretName(name) || isSecretField(name));
}

const pem = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g;
const url = /\b[a-z][a-z0-9+.-]*:\/\/[^\s"'<>`]+/gi;
/** Paths have parameters without a scheme before them. */
const parameter = /([?&])([\w.%-]+)=[^&#\s"'<>`]*/g;
/** `password=x`, `"token": "x"`, `Bearer x`. */
const pair =
  /(["']?)([\w-]+)\1([^\S\n]*[=:][^\S\n]*)(?!\/\/)("[^"\n]*"|'[^'\n]*'|[^\s,;&"'}\])]+)/g;
const scheme = /\b(Bearer|Basic|Digest|Negotiate)\s+[\w+/=.~:-]{4,}/gi;

export function textOf(text: string): string {
  return text
    .replace(pem, hidden)
    .replace(url, (each) => shownTarget(each))
    .replace(scheme, (_all, kind: string) => `${kind} ${hidden}`)
    .replace(parameter, (all: string, before: string, name: string) =>
      isSecretName(name) ? `${before}${name}=${hidden}` : all,
    )
    .replace(pair, (all: string, quote: string, name: string, between: string, value: string) => {
      if (!isTold(name)) return `${quote}${name}${quote}${between}${hidden}`;
      if (!/^["']/.test(value)) return all;
      // In quotes there may be others.
      const inside = value.slice(1, -1).replace(pair, innerPair);
      return `${quote}${name}${quote}${between}${value.charAt(0)}${inside}${value.charAt(0)}`;
    });
}

function innerPair(all: string, quote: string, name: string, between: string): string {
  return isTold(name) ? all : `${quote}${name}${quote}${between}${hidden}`;
}
