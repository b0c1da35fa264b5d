// Routes and requests for tests and benches of routing: everything a route must have and routing does not
// look at is filled in.

import type { Rule } from "../../src/config/rule.ts";
import { parseRule } from "../../src/config/rule.ts";
import type { Route } from "../../src/config/snapshot.ts";
import type { Subject } from "../../src/routing/subject.ts";

export function ruleOf(text: string): Rule {
  const parsed = parseRule(text);
  if (parsed.kind === "bad") throw new Error(`${text}: ${parsed.why} at ${parsed.at}`);
  return parsed.rule;
}

export function routeOf(name: string, rule: string | Rule, priority?: number): Route {
  return {
    name,
    origin: { provider: "file", place: `${name}.yaml:1:1` },
    rule: typeof rule === "string" ? ruleOf(rule) : rule,
    priority,
    middlewares: [],
    service: "s",
    maintenance: undefined,
    timeouts: { body: 0, connect: 0, response: 0, responseBody: 0, tunnel: 0 },
    maxBody: 0,
    errorPages: undefined,
    accessLog: undefined,
  };
}

export interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly query?: string;
  readonly clientIp?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function subjectOf(asked: Asked): Subject {
  return {
    method: asked.method ?? "GET",
    path: asked.path ?? "/",
    query: asked.query ?? "",
    clientIp: asked.clientIp ?? "192.0.2.1",
    header: (name) => asked.headers?.[name],
  };
}
