// Puts other texts into answers as they come. The backend is asked for bodies that are not packed, and for whole ones.

import { mostGrowth } from "../config/coding-limits.ts";
import type { RewriteBodyUse, RewriteRule } from "../config/middlewares/uses/body.ts";
import type { AnswerHead, BodyFilter, FilterOutput } from "../http/answer-review.ts";
import { agreeOnTag, isUntouchable, saySomethingElse } from "../http/changed-body.ts";
import type { Exchange } from "../http/exchange.ts";
import { charsetOf, mediaTypeOf, typeMatcher } from "../http/media-type.ts";
import { boundedRegExp, linearRegExp } from "../lib/bounded-regexp.ts";
import { normaliseHost } from "../lib/host.ts";
import type { Middleware, MiddlewareApi } from "./middleware.ts";
import { LiteralStage, Needle } from "./rewriting/literal-stage.ts";
import { partsOf, PatternStage } from "./rewriting/pattern-stage.ts";
import type { Give, Stage } from "./rewriting/stage.ts";

type MakeStage = (host: string, give: Give) => Stage;

const charsets: ReadonlySet<string> = new Set(["", "utf-8", "utf8", "us-ascii", "ascii"]);
/** One byte a character, of which the lower half is ASCII's. */
const asciiCharsets = /^(?:iso-8859-\d+|latin1|windows-125\d)$/;

export function rewriteBody(use: RewriteBodyUse, { warn }: MiddlewareApi): Middleware {
  const makes = use.rules.map(makerFor);
  const isMeant = typeMatcher(use.types);
  const isAscii = use.rules.every((rule) => ascii.test(rule.search + rule.replace));
  return {
    onRequest({ request: { fields } }) {
      fields.dropNamed("accept-encoding");
      fields.dropNamed("range");
      fields.dropNamed("if-range");
      return undefined;
    },
    onResponse(exchange, answer) {
      const { fields, status } = answer;
      if (status === 304) agreeOnTag(exchange, fields);
      if (!mayRewrite(exchange, answer) || !isMeant(mediaTypeOf(fields))) return;
      const charset = charsetOf(fields);
      if (!charsets.has(charset) && !(isAscii && asciiCharsets.test(charset))) return;
      const coding = fields.passedOn("content-encoding");
      if (coding !== undefined && coding.toLowerCase() !== "identity") {
        warn("a body that came packed cannot be rewritten: put decompress behind rewriteBody");
        return;
      }
      fields.dropNamed("content-length");
      saySomethingElse(fields);
      const host = normaliseHost(exchange.request.host) ?? "";
      answer.through((out) => new RewrittenBody(makes, host, out));
    },
  };
}

const ascii = /^[\0-\x7f]*$/;

function mayRewrite(exchange: Exchange, { status, fields, bodyLength }: AnswerHead): boolean {
  if (status === 206 || isUntouchable(fields)) return false;
  return bodyLength !== 0 || (exchange.method === "HEAD" && status === 200);
}

function makerFor(rule: RewriteRule): MakeStage {
  const { search, replace, most, longest } = rule;
  if (!rule.isPattern) {
    const needle = new Needle(search);
    const usual = Buffer.from(replace);
    const isFixed = !replace.includes("{host}");
    return (host, give) => {
      const text = isFixed ? usual : Buffer.from(replace.replaceAll("{host}", () => host));
      return new LiteralStage(needle, text, most, give);
    };
  }
  // Bodies are looked at byte by byte.
  const flags = `${rule.flags}g`;
  const expression = boundedRegExp(bytesOf(search), flags);
  const linear = linearRegExp(bytesOf(search), flags);
  const parts = partsOf(bytesOf(replace));
  return (host, give) => {
    const filled = parts.map((part) =>
      typeof part === "string" ? part.replaceAll("{host}", () => host) : part,
    );
    return new PatternStage({ expression, linear, longest }, filled, most, give);
  };
}

function bytesOf(text: string): string {
  return Buffer.from(text).latin1Slice();
}

class RewrittenBody implements BodyFilter {
  readonly #stages: readonly Stage[];
  readonly #out: FilterOutput;
  /** Bytes that may yet come out beyond those that come in. */
  #growth = mostGrowth;
  #isStopped = false;

  constructor(makes: readonly MakeStage[], host: string, out: FilterOutput) {
    this.#out = out;
    const stages: Stage[] = [];
    let give: Give = (buffer, start, end) => this.#give(buffer, start, end);
    // The last is made first: each gives to the next.
    for (const make of makes.toReversed()) {
      const stage = make(host, give);
      stages.unshift(stage);
      give = (buffer, start, end) => stage.write(buffer, start, end);
    }
    this.#stages = stages;
  }

  #give(buffer: Buffer, start: number, end: number): void {
    if (this.#isStopped) return;
    this.#growth -= end - start;
    if (this.#growth >= 0) {
      this.#out.write(buffer, start, end);
      return;
    }
    this.#isStopped = true;
    this.#out.fail("ANSWER_TOO_LARGE");
  }

  write(buffer: Buffer, start: number, end: number): void {
    this.#growth += end - start;
    this.#stages[0]?.write(buffer, start, end);
  }

  flush(): boolean {
    return this.#out.flush();
  }

  end(trailers: string): void {
    for (const stage of this.#stages) stage.end();
    this.#out.end(trailers);
  }

  onDrain(): void {
    this.#out.resume();
  }

  close(): void {
    this.#isStopped = true;
  }
}
