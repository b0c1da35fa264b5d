// What the rule of a stream route asks for: as a function, and as what a table can file it under.

import type { Rule } from "../config/rule.ts";
import { NetworkSet } from "../lib/ip.ts";
import type { ClientHello } from "../tls/client-hello.ts";

/** What is known of a client before its first byte is passed on. */
export interface StreamSubject {
  readonly clientIp: string;
  /** undefined = it does not speak TLS, or nobody asked. */
  readonly hello: ClientHello | undefined;
}

export type StreamCondition = (subject: StreamSubject) => boolean;

/** Conditions of HTTP routes hold for no stream; the configuration refuses them. */
const never: StreamCondition = () => false;

export function conditionOf(rule: Rule): StreamCondition {
  switch (rule.kind) {
    case "hostSni":
      return serverNameCondition(rule.host);
    case "hostSniRegexp": {
      const pattern = new RegExp(rule.pattern, rule.flags);
      return ({ hello }) => hello !== undefined && pattern.test(hello.serverName);
    }
    case "alpn":
      return ({ hello }) => hello !== undefined && hello.protocols.includes(rule.protocol);
    case "clientIp": {
      const networks = NetworkSet.of([rule.network]);
      return ({ clientIp }) => networks.has(clientIp);
    }
    case "all": {
      const conditions = rule.rules.map(conditionOf);
      return (subject) => conditions.every((condition) => condition(subject));
    }
    case "any": {
      const conditions = rule.rules.map(conditionOf);
      return (subject) => conditions.some((condition) => condition(subject));
    }
    case "not": {
      const condition = conditionOf(rule.rule);
      return (subject) => !condition(subject);
    }
    default:
      return never;
  }
}

function serverNameCondition(host: string): StreamCondition {
  if (host === "*") return () => true;
  if (!host.startsWith("*.")) return ({ hello }) => hello?.serverName === host;
  const ending = host.slice(1);
  return ({ hello }) => hello !== undefined && hello.serverName.endsWith(ending);
}

/** Whether it cannot be answered without the hello. */
export function asksForHello(rule: Rule): boolean {
  switch (rule.kind) {
    case "hostSni":
      return rule.host !== "*";
    case "hostSniRegexp":
    case "alpn":
      return true;
    case "all":
    case "any":
      return rule.rules.some(asksForHello);
    case "not":
      return asksForHello(rule.rule);
    default:
      return false;
  }
}

/** The ways to fulfil it, as far as that is said at its top. */
export function branchesOf(rule: Rule): readonly Rule[] {
  return rule.kind === "any" ? rule.rules.flatMap(branchesOf) : [rule];
}

/** Nothing else than one of these names fulfils it; `*.name` stands for many. undefined = not known. */
export function namesOf(rule: Rule): readonly string[] | undefined {
  switch (rule.kind) {
    case "hostSni":
      return rule.host === "*" ? undefined : [rule.host];
    case "all":
      return rule.rules
        .map(namesOf)
        .reduce((best, names) => (isCloser(names, best) ? names : best), undefined);
    case "any": {
      const all = rule.rules.map(namesOf);
      return all.includes(undefined) ? undefined : all.flatMap((names) => names ?? []);
    }
    default:
      return undefined;
  }
}

function isCloser(names: readonly string[] | undefined, best: readonly string[] | undefined) {
  if (names === undefined || best === undefined) return names !== undefined;
  return wildcardsIn(names) < wildcardsIn(best);
}

function wildcardsIn(names: readonly string[]): number {
  return names.filter((name) => name.startsWith("*.")).length;
}

/** Protocols that it asks for, outside of any "not". */
export function protocolsOf(rule: Rule): readonly string[] {
  if (rule.kind === "alpn") return [rule.protocol];
  return rule.kind === "all" || rule.kind === "any" ? rule.rules.flatMap(protocolsOf) : [];
}

/** Whether a name is looked at by a pattern somewhere. */
export function hasPattern(rule: Rule): boolean {
  if (rule.kind === "all" || rule.kind === "any") return rule.rules.some(hasPattern);
  return rule.kind === "hostSniRegexp";
}

/** Its single conditions: of two rules for one name, the one that asks for more goes first. */
export function countConditions(rule: Rule): number {
  if (rule.kind === "not") return countConditions(rule.rule);
  if (rule.kind !== "all" && rule.kind !== "any") return 1;
  return rule.rules.reduce((sum, each) => sum + countConditions(each), 0);
}
