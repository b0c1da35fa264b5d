// Settings of `redirectHost`.

import * as z from "zod";
import { report } from "../context.ts";
import type { Context } from "../context.ts";
import type { Path } from "../problem.ts";
import { key, mapping, mustBe, oneOrMore, parsed } from "../scalar.ts";
import { normaliseHost } from "../../lib/host.ts";
import { define, places } from "./definition.ts";
import type { RedirectHostUse } from "./uses/redirect.ts";

const target = parsed({ what: "a host name" }, (value, refuse) => {
  const [, name = "", port = ""] = /^(.+?)(:\d{1,5})?$/.exec(value) ?? [];
  const host = normaliseHost(name);
  const remedy = "write www.example.com, without https:// and without a path";
  const isFine = host !== undefined && host !== "" && !/[/?#@\s]/.test(value);
  return isFine && Number(port.slice(1)) < 65_536
    ? host + port
    : refuse(`${JSON.stringify(value)} is not a host name`, remedy);
});

const source = parsed({ what: "a host name" }, (value, refuse) => {
  const bare = value.replace(/^\*\./, "");
  const host = normaliseHost(bare);
  return host === undefined || host === ""
    ? refuse(`${JSON.stringify(value)} is not a host name`, "write example.com or *.example.com")
    : value.slice(0, value.length - bare.length) + host;
});

const statuses = z.literal([301, 302, 303, 307, 308], {
  error: mustBe({ what: "301, 302, 303, 307 or 308" }),
});

const whole = mapping({
  to: key(target, "The one host that this site has."),
  www: key(
    z.enum(["add", "remove"], { error: mustBe({ what: "add or remove" }) }),
    "Instead: `www.` is put before the host, or taken off it.",
  ),
  from: key(
    oneOrMore(source, { what: "a host name, or a list of them" }),
    "Only who comes to one of these; `*.example.com` is all below it. Without it, whoever comes.",
  ),
  status: key(statuses, "Status of the redirect.", 308),
});

type Written = z.output<typeof whole>;

const settings = z.union([target.transform((to): Written => ({ to })), whole], {
  error: mustBe({ what: "a host name, or a mapping with to or www" }),
});

export const redirectHost = define({
  kind: "redirectHost",
  summary: "Sends clients to the one right host of a site: with www, without it, or another.",
  settings,
  place: places.redirect,
  resolve(input: Written, context: Context, path: Path): RedirectHostUse | undefined {
    const { to, www, from = [], status = 308 } = input;
    if ((to === undefined) === (www === undefined)) {
      const message = to === undefined ? "does not say where to" : "says twice where to";
      report(context, path, { message, remedy: "write either to: HOST, or www: add or remove" });
      return undefined;
    }
    const where = to ?? (www === undefined ? "" : { www });
    return { kind: "redirectHost", status, to: where, from };
  },
});
