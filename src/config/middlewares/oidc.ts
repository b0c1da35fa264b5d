// Settings of `oidc`.

import * as z from "zod";
import { formatDuration } from "../../lib/duration.ts";
import { oidcLimits as limits } from "../oidc-limits.ts";
import { report } from "../context.ts";
import type { Context } from "../context.ts";
import { documentUrl } from "../document-settings.ts";
import { cookieName } from "../http-scalar.ts";
import { path as urlPath } from "../path-schema.ts";
import { authoritiesOf, textOf } from "../pem.ts";
import type { Path } from "../problem.ts";
import { duration, filePath, flag, key, list, oneOrMore, parsed, text } from "../scalar.ts";
import { secretMapping, secretText } from "../secret-scalar.ts";
import { fieldsOf } from "./auth-bricks.ts";
import { define, places } from "./definition.ts";
import type { OidcUse } from "./uses/oidc.ts";

const scope = parsed({ what: "a scope", remedy: "write openid" }, (value, refuse) =>
  /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(value)
    ? value
    : refuse(`${JSON.stringify(value)} is not a scope`),
);

const domain = parsed({ what: "a domain", remedy: "write example.com" }, (value, refuse) =>
  /^[a-z0-9-]+(\.[a-z0-9-]+)+$/i.test(value)
    ? value.toLowerCase()
    : refuse(`${JSON.stringify(value)} is not a domain`, "write example.com"),
);

const origin = parsed(
  { what: "a URL", remedy: "write https://app.example.com" },
  (value, refuse) => {
    const url = URL.parse(value);
    return url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`
      ? url.origin
      : refuse(`${JSON.stringify(value)} is not scheme and host`, "write https://app.example.com");
  },
);

const claim = text({ what: "the name of a claim" });
const secret = secretText("a text", (value, refuse) => (value === "" ? refuse("is empty") : value));

const settings = secretMapping({
  issuer: documentUrl().meta({
    description: "Address of the provider, as its `/.well-known/openid-configuration` says it.",
  }),
  clientId: text({ what: "a text" }).describe("What the provider calls us."),
  clientSecret: key(secret, "What it knows us by; without it we are a public client."),
  clientSecretFile: key(filePath(), "A file with it."),
  scopes: key(
    list(scope, { what: "a list of scopes" }),
    "What is asked for; `openid` is always among them.",
    ["openid", "profile", "email"],
  ),
  callback: key(
    urlPath(),
    "Path that the provider sends browsers back to; register it there. Below the route's own path.",
    limits.callback,
  ),
  logout: key(urlPath(), "Path that ends the session.", limits.logout),
  afterLogout: key(
    documentUrl(),
    "Where browsers go after that. Without it they are shown a sentence.",
  ),
  origin: key(
    origin,
    "Scheme and host that browsers come to, where the provider has to be told another than they ask for.",
  ),
  cookie: key(cookieName, "Name of the cookie that holds the session.", limits.cookie),
  domain: key(
    domain,
    "Domain of the cookie, so that one login is for all hosts below it. Each of them has to use the same settings.",
  ),
  session: key(
    duration(60_000, limits.longestSession),
    "How long a login is believed; then the provider is asked again, mostly unseen.",
    formatDuration(limits.session),
  ),
  require: key(
    z.record(z.string(), oneOrMore(text({ what: "a text" }), { what: "a text or a list" })),
    "Claims, and what has to be in each: one of the texts. `{ groups: admins }`",
  ),
  headers: key(
    fieldsOf(claim, "claims"),
    "Fields for the backend, and the claim in each; what clients say in them is dropped.",
  ),
  userClaim: key(claim, "The claim that names the user, for the access log.", "sub"),
  userinfo: key(flag(), "Asks the provider for more claims than its token has.", false),
  parameters: key(
    z.record(z.string(), text({ what: "a text" })),
    "Further parameters of the request for a login: `{ prompt: login }`.",
  ),
  ca: key(
    filePath(),
    "PEM file with the authorities to trust for the provider instead of the system's.",
  ),
});

type Written = z.output<typeof settings>;

/** They are ours. */
const reserved = new Set([
  ...["client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce"],
  ...["code_challenge", "code_challenge_method", "request", "request_uri"],
]);

export const oidc = define({
  kind: "oidc",
  summary: "Has people log in at a provider of OpenID Connect, and lets in whom it knows.",
  settings,
  place: places.auth,
  guarded: [["issuer"], ["clientSecretFile"], ["ca"]],
  asks: [["issuer"]],
  secrets: [["clientSecret"]],
  resolve(written: Written, context: Context, path: Path): OidcUse | undefined {
    const given = secretOf(written, context, path);
    const { ca } = written;
    const authorities = ca === undefined ? undefined : authoritiesOf(context, ca, [...path, "ca"]);
    for (const name of Object.keys(written.parameters ?? {})) {
      if (!reserved.has(name)) continue;
      report(context, [...path, "parameters", name], {
        message: "is ours to say",
        remedy: "leave it out",
        at: "key",
      });
      return undefined;
    }
    if (written.cookie?.startsWith("__") === true) {
      report(context, [...path, "cookie"], {
        message: "begins with __, which browsers take for a rule",
        remedy: "leave that out; with https it is put in front of the name by itself",
      });
      return undefined;
    }
    if (given === undefined || (ca !== undefined && authorities === undefined)) return undefined;
    const prefix =
      context.ownPrefix === undefined || context.ownPrefix === "/"
        ? ""
        : context.ownPrefix.replace(/\/+$/, "");
    const { session = limits.session, cookie = limits.cookie, domain: wide = "" } = written;
    return {
      kind: "oidc",
      issuer: issuerOf(written.issuer),
      clientId: written.clientId,
      clientSecret: given,
      scopes: [...new Set(["openid", ...(written.scopes ?? ["profile", "email"])])],
      callback: written.callback ?? `${prefix}${limits.callback}`,
      logout: written.logout ?? `${prefix}${limits.logout}`,
      afterLogout: written.afterLogout ?? "",
      origin: written.origin ?? "",
      ...{ cookie, domain: wide, session },
      ...claimsOf(written),
      parameters: Object.entries(written.parameters ?? {}),
      ca: authorities,
    };
  },
});

function claimsOf({ require = {}, headers = {}, userClaim = "sub", userinfo = false }: Written) {
  const rules = Object.entries(require).map(([name, values]) => ({ claim: name, values }));
  return { require: rules, headers: Object.entries(headers), userClaim, userinfo };
}

/** A URL of a host alone is written with a slash by `URL`, and without one by providers. */
function issuerOf(url: string): string {
  const { pathname, origin: own } = new URL(url);
  return pathname === "/" ? own : url;
}

/** "" = there is none; undefined after it reported a problem. */
function secretOf(
  { clientSecret, clientSecretFile }: Written,
  context: Context,
  path: Path,
): string | undefined {
  if (clientSecretFile === undefined) return clientSecret ?? "";
  const place = [...path, "clientSecretFile"];
  if (clientSecret === undefined) return textOf(context, clientSecretFile, place, 4096)?.trim();
  report(context, place, {
    message: "there is a clientSecret already",
    remedy: "leave out one",
    at: "key",
  });
  return undefined;
}
