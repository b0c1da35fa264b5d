// Settings of those that send clients elsewhere: the same as a route's keys of these names.

import {
  forceHttps as forceHttpsSchema,
  redirect as redirectSchema,
  type RedirectInput,
} from "../redirect-schema.ts";
import {
  checkOrder,
  forceHttpsOf,
  isForAll,
  isToHttps,
  redirectMatches,
} from "../resolve-redirect.ts";
import type { Context } from "../context.ts";
import { define, places } from "./definition.ts";
import type { ForceHttpsUse, RedirectMatchUse, RedirectUse } from "./uses/route.ts";

export const forceHttps = define({
  kind: "forceHttps",
  summary: "Sends those who did not come by https there.",
  settings: forceHttpsSchema,
  place: places.redirect,
  resolve: (settings): ForceHttpsUse | undefined =>
    settings === undefined ? undefined : forceHttpsOf(settings),
});

export const redirect = define({
  kind: "redirect",
  summary: "Sends clients to another URL: all of them, or where a pattern matches.",
  settings: redirectSchema,
  place: places.redirect + 1,
  resolve(settings, context, path): readonly (ForceHttpsUse | RedirectMatchUse | RedirectUse)[] {
    checkOrder(context, settings, path);
    return inOrder(settings, context);
  },
  patterns: (use) => (use.kind === "redirectMatch" ? [use] : []),
});

function inOrder(redirects: RedirectInput, { securePort }: Context) {
  return redirects.flatMap((each): (ForceHttpsUse | RedirectMatchUse | RedirectUse)[] => {
    const { to, status } = each;
    if (isToHttps(each)) return [{ kind: "forceHttps", status, port: securePort }];
    return isForAll(each) ? [{ kind: "redirect", to, status }] : redirectMatches([each]);
  });
}
