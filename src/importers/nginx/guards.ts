// What of nginx keeps people out: `allow` and `deny` become a rule of networks; anything else that may be a guard, and
// that is not there, closes what it protects.

import { parseNetwork } from "../../lib/ip.ts";
import { importBounds } from "../../config/limits.ts";
import { call, either } from "../../providers/labels/rule-text.ts";
import type { Outline, Settings } from "../outline.ts";
import { shown } from "../outline.ts";
import { conditionOf, keepsOut } from "./conditions.ts";
import type { Directive, Scope } from "./tree.ts";

const barriers: ReadonlyMap<string, string> = new Map([
  ["auth_basic", "asking for a password"],
  ["auth_request", "asking another server who may come in"],
  ["auth_jwt", "asking for a token"],
  ["secure_link", "signed links"],
  ["secure_link_md5", "signed links"],
  ["valid_referers", "looking at the referrer"],
  ["auth_pam", "asking for a password"],
  ["auth_ldap", "asking for a password"],
  ["limit_except", "letting only some methods in"],
]);

/** What an operator can say in its place. */
const equivalents: ReadonlyMap<string, string> = new Map([
  ["auth_basic", "basicAuth"],
  ["auth_request", "forwardAuth"],
  ["auth_jwt", "jwt"],
]);

/** Of modules that nginx does not have by itself: whoever is called so asks who somebody is. */
const ofModules = /^(auth_|authz|oidc|saml|shib_)/;
/** They say more of another, which closes its place itself. */
const partsOfModules =
  /^auth_(basic|request|jwt|pam|ldap|basic_user_file|request_set|delay|(ldap|digest|gss|pam)_\w+|jwt_(key|leeway|type|require|header_set|claim_set)\w*)$/;

/** `auth_basic` with a file, as our middleware; undefined = there is none, or not in a form that is the same here. */
export function passwordOf(scope: Scope): Settings | undefined {
  const realm = scope.one("auth_basic")?.args[0] ?? "off";
  const file = scope.one("auth_basic_user_file")?.args[0] ?? "";
  const isPlain = realm !== "off" && !/[$"\\]/.test(realm) && /^\/[^$]+$/.test(file);
  // With `satisfy any` an address is enough.
  if (!isPlain || scope.one("satisfy")?.args[0] === "any") return undefined;
  return { basicAuth: { file, realm } };
}

/** Methods that `limit_except` lets in, as a rule, where it refuses all others; undefined = there is none, or it says more. */
export function methodsOf(scope: Scope): string | undefined {
  const { args = [], block = [] } = scope.one("limit_except") ?? {};
  const [only, ...more] = block;
  const isPlain = only?.name === "deny" && only.args.join(" ") === "all" && more.length === 0;
  if (!isPlain || args.length === 0 || !args.every((each) => /^[A-Z]{1,20}$/.test(each))) {
    return undefined;
  }
  // Who may GET may HEAD.
  const methods = new Set(args.flatMap((each) => (each === "GET" ? [each, "HEAD"] : [each])));
  return either([...methods].map((each) => call("Method", each)));
}

/**
 * Why nobody may come in; undefined = it is open. `kept` are conditions that are carried over.
 * @param asks whoever calls has `passwordOf` asked, and lets in `methodsOf` alone
 */
export function barrierOf(
  scope: Scope,
  outline: Outline,
  kept: readonly Directive[],
  asks = false,
): string | undefined {
  for (const [name, what] of barriers) {
    const found = scope.one(name);
    if (found === undefined || ["off", "none"].includes(found.args[0] ?? "")) continue;
    if (name === "auth_basic" && asks && passwordOf(scope) !== undefined) continue;
    if (name === "limit_except" && asks && methodsOf(scope) !== undefined) continue;
    const own = equivalents.get(name);
    const remedy = own === undefined ? "" : `; see the middleware ${own}`;
    const text = `${name}: ${what} is not carried over, so what it protects is closed, and answers 503${remedy}`;
    outline.note(text, found);
    return `${what} is not carried over`;
  }
  const module = scope
    .names(ofModules)
    .flatMap((name) => (partsOfModules.test(name) ? [] : (scope.one(name) ?? [])))
    .find(({ args: [value = ""] }) => value !== "off");
  if (module !== undefined) {
    const { name } = module;
    const text = `${name}: is not known here and may keep people out, so what it protects is closed, and answers 503`;
    outline.note(text, module);
    return `${name} is not known`;
  }
  const guard = scope.every("if").find((each) => !kept.includes(each) && keepsOut(each, scope));
  if (guard !== undefined) {
    const text = `${conditionOf(guard)}: who is refused depends on what is not understood, so it is closed, and answers 503`;
    outline.note(text, guard);
    return "who may come in depends on what is not understood";
  }
  return scriptOf(scope, outline);
}

function scriptOf(scope: Scope, outline: Outline): string | undefined {
  for (const name of ["access_by_lua_block", "access_by_lua", "access_by_lua_file", "js_access"]) {
    const found = scope.one(name);
    if (found === undefined) continue;
    outline.note(`${name}: programs are not run, so what it protects is closed`, found);
    return "a program decides who may come in";
  }
  return undefined;
}

interface Access {
  /** undefined = everybody. A rule of ours. */
  readonly allowed: string | undefined;
}

/** The first line that fits a client counts; without one it may come in. */
export function accessOf(scope: Scope, outline: Outline): Access {
  const lines = scope.accessLines();
  const [first] = lines;
  if (first === undefined) return { allowed: undefined };
  const known = lines.filter(({ name, args, file, line }) => {
    const [who = ""] = args;
    const isKnown = who === "all" || parseNetwork(who) !== undefined;
    if (!isKnown) {
      outline.note(`${name} ${shown(who)} is no network; nobody is let in by it`, { file, line });
    }
    return isKnown || name === "deny";
  });
  const runs = runsOf(known);
  let rest: string | boolean = true;
  for (const { isAllowed, networks } of runs.toReversed()) {
    rest = networks === "all" ? isAllowed : joined(networks, isAllowed, rest);
  }
  if (rest === true) return { allowed: undefined };
  if (rest === false) return { allowed: nobody };
  if (rest.length > importBounds.accessRule || runs.length > importBounds.accessRuns) {
    const text = "allow and deny: these are too many lines for a rule, so that nobody is let in";
    outline.note(text, first);
    return { allowed: nobody };
  }
  return { allowed: rest };
}

const nobody = call("ClientIP", "255.255.255.255/32");

interface Run {
  readonly isAllowed: boolean;
  readonly networks: string[] | "all";
}

/** Lines of one kind that follow each other are one condition: rules are not nested as deep as lists are long. */
function runsOf(lines: readonly Directive[]): Run[] {
  const runs: Run[] = [];
  for (const { name, args } of lines) {
    const [who = ""] = args;
    const isAllowed = name === "allow";
    const last = runs.at(-1);
    // Whom a line means that is not understood, nobody knows.
    if (parseNetwork(who) === undefined) runs.push({ isAllowed, networks: "all" });
    else if (last?.isAllowed === isAllowed && last.networks !== "all") last.networks.push(who);
    else runs.push({ isAllowed, networks: [who] });
  }
  return runs;
}

function joined(
  networks: readonly string[],
  isAllowed: boolean,
  rest: string | boolean,
): string | boolean {
  const calls = networks.map((each) => call("ClientIP", each));
  if (isAllowed) {
    if (rest === true) return true;
    return either(rest === false ? calls : [...calls, rest]);
  }
  if (rest === false) return false;
  const not = `!${either(calls)}`;
  return rest === true ? not : `(${not} && ${rest})`;
}
