// What directives of a Caddyfile do to requests, and what they answer by themselves, as keys of our routes: the same of labels and of
// a file.

import type { Directive } from "./caddy-tree.ts";
import { literal } from "./rule-text.ts";

type Settings = Readonly<Record<string, unknown>>;

export const changes: ReadonlySet<string> = new Set(["uri", "rewrite", "request_body"]);

/** undefined = this form of it is not understood. */
export function changeOf({ name, args, below }: Directive): Settings | undefined {
  for (const [key, value = ""] of [args, ...below.map((each) => [each.name, ...each.args])]) {
    if (name === "uri" && key === "strip_prefix") return { stripPrefix: value };
    if (name === "request_body" && key === "max_size") return { maxBody: value };
    const target = name === "rewrite" && key === "*" ? value : "";
    const [, prefix] = /^(\/[^{}]*)\{(?:uri|path|http\.request\.uri)\}$/.exec(target) ?? [];
    if (prefix !== undefined) return { addPrefix: prefix.replace(/(?<=.)\/$/, "") };
    const isFixed = name === "rewrite" && /^\/[^{}?]*$/.test(value);
    if (isFixed && (key === "*" || /^\/[^*{}]*$/.test(key ?? ""))) {
      const pattern = key === "*" ? "^.*$" : `^${literal(key ?? "")}$`;
      return { replacePath: { pattern, replacement: value.replaceAll("$", "$$$$") } };
    }
  }
  return undefined;
}

const redirectWords = new Map([
  ["permanent", 301],
  ["temporary", 302],
]);

/** `redir TO [CODE]`; undefined = it is not understood. */
export function redirectOf([to = "", code = "302"]: readonly string[]): Settings | undefined {
  const target = to.replaceAll(/\{(?:http\.request\.)?(uri|host|scheme|path|query)\}/g, "{$1}");
  const status = redirectWords.get(code) ?? Number(code);
  const isKnown = [301, 302, 303, 307, 308].includes(status);
  const isUrl = /^([a-z]+:\/\/.|\/|\{(scheme|uri|path)\})/i.test(target);
  const isPlain = !/\{(?!(uri|host|scheme|path|query)\})/.test(target) && !/\s/.test(target);
  return isKnown && isPlain && isUrl ? { redirect: { to: target, status } } : undefined;
}

/** `respond [BODY] [STATUS]`; `abort` and `error` refuse. */
export function responseOf({ name, below }: Directive, args: readonly string[]): Settings {
  const code = args.findLast((each) => /^[2-5]\d\d$/.test(each));
  const usual = name === "respond" ? 200 : name === "error" ? 500 : 403;
  const status = code === undefined ? usual : Number(code);
  const block = below.find((each) => each.name === "body")?.args[0];
  const body = block ?? args.find((each) => each !== code) ?? "";
  const isEmpty = name !== "respond" || [204, 205, 304].includes(status);
  return isEmpty ? { status } : { status, body };
}
