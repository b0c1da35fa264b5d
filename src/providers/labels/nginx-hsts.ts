// The value of Strict-Transport-Security as it is to be sent, as our `hsts`: nginx-proxy's variable HSTS, or what another
// proxy puts into its answers.

import type { Note } from "../../config/finding.ts";
import { hstsLongest, hstsMaxAge } from "../../config/hsts.ts";
import { hint, shown, warning } from "./note.ts";

/** Of a route; undefined = nothing is sent. */
export function readHsts(value: string, notes: Note[], about = "HSTS"): unknown {
  if (value === "" || /^off$/i.test(value)) return undefined;
  const directives = value.split(";").map((each) => each.trim().toLowerCase());
  const [, digits] = /^max-age="?(\d{1,12})"?$/.exec(directives[0] ?? "") ?? [];
  const others = directives.slice(1).filter((each) => each !== "");
  const isKnown = others.every((each) => each === "includesubdomains" || each === "preload");
  if (digits === undefined || !isKnown) {
    const remedy = "write max-age=SECONDS, perhaps with includeSubDomains and preload";
    notes.push(warning(about, `${shown(value)} is not understood, and nothing is sent`, remedy));
    return undefined;
  }
  const ms = Math.min(Number(digits) * 1000, hstsLongest);
  const includeSubDomains = others.includes("includesubdomains");
  const preload = others.includes("preload") && includeSubDomains && ms >= hstsMaxAge;
  if (preload !== others.includes("preload")) {
    notes.push(
      hint(about, "browsers take no preload without a year and includeSubDomains; it is left out"),
    );
  }
  return { maxAge: `${ms / 1000}s`, includeSubDomains, preload };
}
