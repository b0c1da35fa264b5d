// Settings of `forwardAuth`.

import { forwardAuth as limits } from "../auth-limits.ts";
import { report } from "../context.ts";
import type { Context } from "../context.ts";
import { documentUrl } from "../document-settings.ts";
import { isToken } from "../http-scalar.ts";
import { authoritiesOf } from "../pem.ts";
import { regex } from "../path-schema.ts";
import type { Path } from "../problem.ts";
import { duration, filePath, flag, key, oneOrMore, parsed, sizeKey } from "../scalar.ts";
import * as z from "zod";
import { eitherForm, fieldName } from "./auth-bricks.ts";
import { define, places } from "./definition.ts";
import type { ForwardAuthUse } from "./uses/auth.ts";

const addressRemedy = "write http://auth.internal:9091/api/authz/forward-auth";

const address = documentUrl(addressRemedy);

const name = parsed({ what: "a header name" }, (value, refuse) =>
  isToken(value) ? value.toLowerCase() : refuse(`${JSON.stringify(value)} is not a header name`),
);

const names = { what: "a header name or a list of them" };

const full = {
  address: address.meta({ description: "Who is asked." }),
  timeout: key(
    duration(100, 25_000),
    "Whoever has not answered by then is away, and the client gets 503.",
    `${limits.timeout / 1000}s`,
  ),
  requestHeaders: key(
    oneOrMore(name, names),
    "Fields of the request that it is shown. Without it: all but those about the body.",
  ),
  responseHeaders: key(
    oneOrMore(fieldName(), names),
    "Fields of its answer that the backend gets; what clients say in them is dropped.",
  ),
  responseHeadersPattern: key(regex(), "The same for all names, in lower case, that it matches."),
  cookies: key(
    z.union([flag(), oneOrMore(z.string(), { what: "the name of a cookie, or a list of them" })]),
    "Cookies of a friendly answer that the client gets: all, none, or those of these names.",
    true,
  ),
  userHeader: key(name, "Which of those fields names the user, for the access log."),
  trustForwardHeader: key(
    flag(),
    "Passes on what clients say in X-Forwarded fields. Only where nobody but a proxy gets here.",
    false,
  ),
  preserveRequestMethod: key(flag(), "Asks with the client's method instead of GET.", false),
  preserveLocationHeader: key(
    flag(),
    "Leaves a Location without a host to the client's own host.",
    true,
  ),
  maxBody: sizeKey("Longest answer that is passed on to a client.", limits.answerBytes, 1),
  ca: key(filePath(), "PEM file with the authorities to trust instead of the system's."),
};

const settings = eitherForm(
  address.transform((each): Written => ({ address: each })),
  full,
  "a URL or a mapping with address",
);

export interface Written {
  readonly address: string;
  readonly timeout?: number | undefined;
  readonly requestHeaders?: readonly string[] | undefined;
  readonly responseHeaders?: readonly string[] | undefined;
  readonly responseHeadersPattern?:
    | { readonly pattern: string; readonly flags: string }
    | undefined;
  readonly cookies?: boolean | readonly string[] | undefined;
  readonly userHeader?: string | undefined;
  readonly trustForwardHeader?: boolean | undefined;
  readonly preserveRequestMethod?: boolean | undefined;
  readonly preserveLocationHeader?: boolean | undefined;
  readonly maxBody?: number | undefined;
  readonly ca?: string | undefined;
}

/** Of the servers that people have. */
const usualUserHeaders = [
  ...["remote-user", "x-forwarded-user", "x-auth-request-user", "x-authentik-username"],
  ...["x-auth-request-preferred-username", "x-webauth-user", "x-forwarded-preferred-username"],
];

export const forwardAuth = define({
  kind: "forwardAuth",
  summary: "Asks another server about each request (Authelia, authentik, oauth2-proxy).",
  settings,
  place: places.auth,
  guarded: [[], ["ca"]],
  asks: [[]],
  resolve(written: Written, context, path): ForwardAuthUse | undefined {
    const { responseHeaders = [], responseHeadersPattern: pattern, ca } = written;
    const lower = responseHeaders.map((each) => each.toLowerCase());
    const userHeader = written.userHeader ?? usualUserHeaders.find((each) => lower.includes(each));
    const authorities = ca === undefined ? undefined : authoritiesOf(context, ca, [...path, "ca"]);
    if (ca !== undefined && authorities === undefined) return undefined;
    if (!isUserKnown(written, lower, context, path)) return undefined;
    return {
      kind: "forwardAuth",
      address: written.address,
      timeout: written.timeout ?? limits.timeout,
      requestHeaders: written.requestHeaders,
      responseHeaders,
      responseHeadersPattern: pattern?.pattern ?? "",
      cookies: written.cookies ?? true,
      userHeader: userHeader ?? "",
      trustForwardHeader: written.trustForwardHeader ?? false,
      preserveMethod: written.preserveRequestMethod ?? false,
      preserveLocation: written.preserveLocationHeader ?? true,
      maxBody: written.maxBody ?? limits.answerBytes,
      ca: authorities,
    };
  },
  patterns: ({ responseHeadersPattern: pattern }) =>
    pattern === "" ? [] : [{ pattern, flags: "" }],
});

function isUserKnown(
  { userHeader, responseHeadersPattern }: Written,
  responseHeaders: readonly string[],
  context: Context,
  path: Path,
): boolean {
  const isKnown =
    userHeader === undefined ||
    responseHeadersPattern !== undefined ||
    responseHeaders.includes(userHeader);
  if (isKnown) return true;
  const message = `${userHeader} is not among the fields that are taken from its answer`;
  const remedy = "add it to responseHeaders";
  report(context, [...path, "userHeader"], { message, remedy });
  return false;
}
