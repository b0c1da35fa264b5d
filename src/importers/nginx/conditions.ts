// `if` of nginx, of which nothing becomes a route: what it decides is said, and what may keep people out closes its place.

import type { Outline } from "../outline.ts";
import { shown } from "../outline.ts";
import type { Directive, Scope } from "./tree.ts";

export function conditionOf({ args }: Directive): string {
  return `if ${shown(args.join(" "))}`;
}

// What a request says of where it goes, and whether a file is there: who asks is not in it.
const aboutTheWay =
  /^(host|http_host|server_name|server_port|scheme|https|ssl_protocol|http_x_forwarded_(proto|protocol|ssl)|request_uri|uri|document_uri|args|is_args|query_string|request_filename|document_root|http_user_agent|http_accept|http_accept_encoding|http_accept_language|http_upgrade)$/;

/**
 * Refuses, or sends elsewhere (to a page that asks who it is, perhaps) whoever is not welcome. Where only the way decides, as
 * in redirects of other names and of pages that moved, nobody is kept out by a redirect.
 */
export function keepsOut({ args, block = [] }: Directive, scope: Scope): boolean {
  if (block.some(isRefusal)) return true;
  return block.some(isAnswer) && !variablesOf(args).every((name) => isOfTheWay(name, scope));
}

function variablesOf(args: readonly string[]): string[] {
  return [...args.join(" ").matchAll(/\$\{?([a-z]\w*)/gi)].map(([, name = ""]) => name);
}

/** Of a map, what it looks at. */
function isOfTheWay(name: string, scope: Scope): boolean {
  const map = scope.every("map").find(({ args }) => args[1] === `$${name}`);
  const sources = map === undefined ? [name] : variablesOf(map.args.slice(0, 1));
  return sources.every((each) => aboutTheWay.test(each));
}

function isRefusal({ name, args }: Directive): boolean {
  return name === "deny" || (name === "return" && /^4\d\d$/.test(args[0] ?? ""));
}

function isAnswer({ name }: Directive): boolean {
  // A page that asks who it is may be one of the same site.
  return name === "return" || name === "rewrite";
}

/** `if ($scheme = http)`, or by host, as certbot writes it, with a redirect to https. */
export function isHttpsTest({ block = [] }: Directive): boolean {
  return block.some(
    ({ name, args }) => name === "return" && args.some((each) => each.startsWith("https://")),
  );
}

/** It sends those there who came in the clear, and nobody else. */
export function isSchemeTest(directive: Directive): boolean {
  const isAboutScheme = /\$(scheme|https|http_x_forwarded_proto)/.test(directive.args.join(""));
  return isHttpsTest(directive) && isAboutScheme;
}

/** It refuses whoever showed no certificate: the same as asking everybody for one. */
export function isCertificateTest({ args, block = [] }: Directive): boolean {
  const isTest = /^\(\s*\$ssl_client_verify != SUCCESS\s*\)$/.test(args.join(" "));
  return isTest && block.some(isRefusal);
}

/** Those of the innermost level that do not close their place. */
export function tellConditions(scope: Scope, outline: Outline, isForced: boolean): void {
  for (const directive of scope.own("if")) {
    if (keepsOut(directive, scope)) continue;
    if (isSchemeTest(directive) && isForced) continue;
    const text = isSchemeTest(directive)
      ? "a redirect to https: add redirect: https to its routes"
      : `${conditionOf(directive)}: conditions are not carried over, nor what stands in them`;
    outline.note(text, directive);
  }
}
