// One step of `try`: a path under the root with `$path` for what was asked for, `@SERVICE`, or `=STATUS`.

import { nearest } from "../lib/nearest.ts";
import type { TryStep } from "./files.ts";
import { parsed } from "./scalar.ts";
import type { Refuse } from "./scalar.ts";

const forms = 'write $path, $path/, /index.html, "@SERVICE" or "=404"';

/** As other servers call it, and what it is here. */
const strangers: Readonly<Record<string, string>> = {
  uri: "$path",
  request_uri: "$path",
  document_uri: "$path",
  fastcgi_script_name: "$path",
  args: "$query",
  query_string: "$query",
  is_args: "?$query",
};

/** What a program's own service is called within `try`. */
export const ownScripts = "scripts";

function readStep(value: string, refuse: Refuse): TryStep | undefined {
  const shown = JSON.stringify(value);
  if (value.startsWith("@")) {
    const service = value.slice(1);
    return service === ""
      ? refuse('"@" names no service', 'write "@SERVICE"')
      : { kind: "service", service };
  }
  if (value.startsWith("=")) return readStatus(value, refuse);
  // `{path}` is the way of redirects, `{uri}` Caddy's.
  const [braces] = /\{[^}]*\}/.exec(value) ?? [];
  if (braces !== undefined) return refuse(`${braces} is not known here`, "write $path");
  const mark = value.indexOf("?");
  const path = mark === -1 ? value : value.slice(0, mark);
  const query = mark === -1 ? undefined : value.slice(mark + 1);
  const isKnown = knownWords(path, ["path"], refuse) && knownWords(query ?? "", ["query"], refuse);
  if (!isKnown) return undefined;
  if (!path.startsWith("/") && !path.startsWith("$path")) {
    const remedy = path.includes("://")
      ? 'for another server make a service of it, and write "@SERVICE"'
      : `write /${value}`;
    return refuse(`${shown} is not a path under root`, path === "" ? forms : remedy);
  }
  if (/[\p{Cc}\\]/u.test(value)) return refuse(`${shown} has a control or a backslash`, forms);
  if (path.split("/").some((name) => name === "." || name === "..")) {
    return refuse(`${shown} has a "." or ".." in it`, "write the path without it");
  }
  if (query !== undefined && !/^[\x21\x24-\x7e]*$/.test(query)) {
    return refuse(`${JSON.stringify(query)} is not a query`, "encode it: %20");
  }
  return { kind: "path", path: path.replaceAll(/\/{2,}/g, "/"), query };
}

function readStatus(value: string, refuse: Refuse): TryStep | undefined {
  const status = Number(value.slice(1));
  return /^=\d{3}$/.test(value) && status >= 400 && status <= 599
    ? { kind: "status", status }
    : refuse(`${JSON.stringify(value)} is not a status from 400 to 599`, 'write "=404"');
}

/** Whether every word with a dollar is one of them. */
function knownWords(text: string, words: readonly string[], refuse: Refuse): boolean {
  for (const [written, name = ""] of text.matchAll(/\$\{?(\w*)\}?/g)) {
    if (words.includes(name) && !written.includes("{")) continue;
    const meant = Object.hasOwn(strangers, name) ? strangers[name] : undefined;
    const near = nearest(name, words);
    const remedy = meant ?? (near === undefined ? undefined : `$${near}`);
    const known = words.map((each) => `$${each}`).join(" and ");
    const place = words.includes("path") ? "in a path" : "behind ?";
    refuse(`${written} is not known ${place}`, `write ${remedy ?? known}`);
    return false;
  }
  return true;
}

export const tryStep = parsed({ what: "a step", remedy: forms }, readStep).meta({ title: "step" });
