// Traefik tells entry points apart, our routes do not: two routers with one rule, the one for http with a
// redirect and the other for https, are the usual way to force https. Here they become one route.

import { hint, warning } from "./note.ts";
import type { Router } from "./traefik-router.ts";

export function withoutPairs(routers: readonly Router[]): Router[] {
  const dropped = new Set<Router>();
  for (const plain of routers) {
    if (plain.entry !== "plain") continue;
    const other = routers.find((each) => each.entry !== "plain" && each.claim === plain.claim);
    if (other === undefined) continue;
    join(plain, other);
    dropped.add(plain);
  }
  return routers.filter((each) => !dropped.has(each));
}

/** Into the one for https. */
function join(plain: Router, secure: Router): void {
  const { draft } = secure;
  const forced = plain.draft.route.get("forceHttps");
  const redirects = [plain.draft, draft].flatMap((each) => {
    const said = each.route.get("redirect");
    return Array.isArray(said) ? said : said === undefined ? [] : [said];
  });
  if (forced !== undefined && !draft.route.has("forceHttps")) draft.route.set("forceHttps", forced);
  if (redirects.length > 0) {
    draft.route.set("redirect", redirects.length === 1 ? redirects[0] : redirects);
  }
  for (const [key, label] of plain.draft.labels) {
    if (!draft.labels.has(key)) draft.labels.set(key, label);
  }
  draft.notes.push(...plain.draft.notes);
  const about = plain.draft.labels.get("route.rule") ?? "";
  if (forced !== undefined || redirects.length > 0) {
    draft.notes.push(
      hint(about, `is one route with the router ${secure.name}, which has the same rule`),
    );
  } else {
    const message = `the router ${secure.name} has the same rule, and counts for http too`;
    draft.notes.push(warning(about, message));
  }
  if (forced !== undefined) return;
  // Whoever was kept out of one of them stays out of both.
  draft.allowed.push(...plain.draft.allowed);
  if (plain.draft.isClosed) draft.isClosed = true;
}
