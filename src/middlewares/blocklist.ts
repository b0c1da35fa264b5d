// Keeps out by path, User-Agent and Referer. It spares the backend noise; whoever means it harm can say anything in these.

import { unwantedLimits } from "../config/answer-limits.ts";
import type { BlocklistUse, Wanted } from "../config/middlewares/uses/unwanted.ts";
import type { Exchange } from "../http/exchange.ts";
import { Field } from "../http/fields.ts";
import { boundedRegExp } from "../lib/bounded-regexp.ts";
import type { Middleware } from "./middleware.ts";
import { isScan } from "./scanner-paths.ts";

export function blocklist(use: BlocklistUse): Middleware {
  const isBadPath = anyOf(use.paths);
  const isBadAgent = anyOf(use.userAgents);
  const isBadReferer = refererTest(use.referers);
  const isLetThrough = anyOf(use.except);
  const isUnwanted = (exchange: Exchange): boolean => {
    const { path, fields } = exchange.request;
    const agent = fields.first(Field.USER_AGENT);
    const lower = path.toLowerCase();
    const isBad =
      isBadPath(path, lower) ||
      (use.scanners && isScan(lower)) ||
      (agent === "" ? use.noUserAgent : isBadAgent(agent, agent.toLowerCase())) ||
      isBadReferer(fields.first(Field.REFERER));
    return isBad && !isLetThrough(path, lower);
  };
  return {
    onRequest(exchange) {
      if (!isUnwanted(exchange)) return undefined;
      if (use.status !== null) return { failure: "UNWANTED", status: use.status };
      exchange.failure = "UNWANTED";
      exchange.client.abort();
      return { failure: "UNWANTED" };
    },
  };
}

type Test = (text: string, lower: string) => boolean;

/** @returns a test of a text, which also gets it in lower case */
function anyOf(all: readonly Wanted[]): Test {
  if (all.length === 0) return () => false;
  const tests = all.map(testOf);
  return (text, lower) => tests.some((test) => test(text, lower));
}

function testOf(wanted: Wanted): Test {
  switch (wanted.is) {
    case "exactly":
      return (_text, lower) => lower === wanted.text;
    case "begins":
      return (_text, lower) => lower.startsWith(wanted.text);
    case "ends":
      return (_text, lower) => lower.endsWith(wanted.text);
    case "holds":
      return (_text, lower) => lower.includes(wanted.text);
    case "like": {
      const pattern = boundedRegExp(wanted.pattern, wanted.flags);
      return (text) => pattern.test(text.slice(0, unwantedLimits.field));
    }
  }
}

/** Of hosts: this one, and all below it. */
function refererTest(all: readonly Wanted[]): (referer: string) => boolean {
  if (all.length === 0) return () => false;
  const hosts = all.flatMap((each) => (each.is === "holds" ? [each.text] : []));
  const isLike = anyOf(all.filter(({ is }) => is === "like"));
  return (referer) => {
    if (referer === "") return false;
    const [, found = ""] = /^[a-z]+:\/\/(?:[^/?#@]*@)?([^/?#:]+)/i.exec(referer) ?? [];
    const host = found.toLowerCase().replace(/\.$/, "");
    return (
      hosts.some((each) => host === each || host.endsWith(`.${each}`)) || isLike(referer, referer)
    );
  };
}
