// Redirects and fixed texts: as the file says them → as the Snapshot holds them.

import { report } from "./context.ts";
import type { Context } from "./context.ts";
import type { ForceHttpsUse, RedirectMatchUse, RespondUse } from "./middlewares/uses/route.ts";
import type { Path } from "./problem.ts";
import type { ForceHttpsMapping, RedirectInput, RespondInput } from "./redirect-schema.ts";

type Redirect = RedirectInput[number];

export function isToHttps(redirect: Redirect | undefined): boolean {
  return redirect?.to === "https" && redirect.pattern === undefined;
}

export function isForAll(redirect: Redirect): boolean {
  return redirect.pattern === undefined && !isToHttps(redirect);
}

/** With patterns, or to https, it lets others go on. */
export function isForSome(redirect: RedirectInput | undefined): boolean {
  return redirect?.every((each) => !isForAll(each)) === true;
}

export function checkOrder(context: Context, redirects: RedirectInput, path: Path): void {
  for (const [index, each] of redirects.entries()) {
    if (!isForAll(each) || index === redirects.length - 1) continue;
    const message = "a redirect without pattern is for all requests: those after it never come";
    report(context, [...path, index], { message, remedy: "put it last" });
  }
}

export function forceHttpsOf({ status = 308, port }: ForceHttpsMapping): ForceHttpsUse {
  return { kind: "forceHttps", status, port };
}

export function redirectMatches(redirects: RedirectInput): RedirectMatchUse[] {
  return redirects.flatMap(({ pattern, to, status }) =>
    pattern === undefined ? [] : [{ kind: "redirectMatch", ...pattern, to, status }],
  );
}

export function respondOf(context: Context, input: RespondInput, path: Path): RespondUse {
  const { status = 200, body = "", contentType = "text/plain; charset=utf-8" } = input;
  // RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5.
  if (body !== "" && [204, 205, 304].includes(status)) {
    const message = `an answer with status ${status} has no body`;
    report(context, [...path, "body"], { message, remedy: "leave it out" });
  }
  return { kind: "respond", status, body, contentType };
}
