// All kinds of middleware. A new one is a file, a line here, and its page in the reference.

import type { AuthUse } from "../config/middlewares/uses/auth.ts";
import type { BodyUse } from "../config/middlewares/uses/body.ts";
import type {
  BandwidthUse,
  ConcurrencyUse,
  RateLimitUse,
} from "../config/middlewares/uses/limit.ts";
import type { RedirectHostUse } from "../config/middlewares/uses/redirect.ts";
import type {
  ForceHttpsUse,
  RedirectMatchUse,
  RedirectUse,
} from "../config/middlewares/uses/route.ts";
import type { ListedUse } from "../config/middlewares/use.ts";
import type { MiddlewareUse } from "../config/snapshot.ts";
import { addPrefix } from "./add-prefix.ts";
import { apiKey } from "./api-key.ts";
import { basicAuth } from "./basic-auth.ts";
import { digestAuth } from "./digest-auth.ts";
import { forwardAuth } from "./forward-auth.ts";
import { jwt } from "./jwt.ts";
import { geoip } from "./geoip.ts";
import { ipRules } from "./ip-rules.ts";
import { blocklist } from "./blocklist.ts";
import { contentType } from "./content-type.ts";
import { cors } from "./cors.ts";
import { errors } from "./errors.ts";
import { bodyLimit } from "./body-limit.ts";
import { compress } from "./compress.ts";
import { decompress } from "./decompress.ts";
import { rewriteBody } from "./rewrite-body.ts";
import { forceHttps } from "./force-https.ts";
import type { Middleware, MiddlewareApi } from "./middleware.ts";
import { grpcWeb } from "./grpc-web.ts";
import { headers } from "./headers.ts";
import { redirectHost } from "./redirect-host.ts";
import { bandwidth } from "./bandwidth.ts";
import { concurrency } from "./concurrency.ts";
import { rateLimit } from "./rate-limit.ts";
import { oidc } from "./oidc.ts";
import { own } from "./own.ts";
import { requestId } from "./request-id.ts";
import { redirect } from "./redirect.ts";
import { redirectMatch } from "./redirect-match.ts";
import { replacePath } from "./replace-path.ts";
import { replacePrefix } from "./replace-prefix.ts";
import { robots } from "./robots.ts";
import { securityHeaders } from "./security-headers.ts";
import { traceparent } from "./traceparent.ts";
import { respond } from "./respond.ts";
import { stripPrefix } from "./strip-prefix.ts";
import { whoami } from "./whoami.ts";

/** Makes the middleware that an entry describes; undefined = it is no moment of an exchange, and `src/proxy/plan.ts` does it. */
export function createMiddleware(
  use: MiddlewareUse | ListedUse,
  api: MiddlewareApi,
): Middleware | undefined {
  switch (use.kind) {
    case "basicAuth":
    case "digestAuth":
    case "apiKey":
    case "forwardAuth":
    case "jwt":
      return createAuth(use, api);
    case "stripPrefix":
    case "addPrefix":
    case "replacePrefix":
    case "replacePath":
      return createRewrite(use);
    case "redirect":
    case "redirectMatch":
    case "redirectHost":
    case "forceHttps":
      return createRedirect(use);
    case "respond":
      return respond(use);
    case "whoami":
      return whoami();
    case "cache":
    case "collapse":
      return undefined;
    case "geoip":
      return geoip(use, api);
    case "ipRules":
      return ipRules(use, api);
    case "rateLimit":
    case "concurrency":
    case "bandwidth":
      return createLimit(use, api);
    case "bodyLimit":
    case "compress":
    case "decompress":
    case "rewriteBody":
      return createBody(use, api);
    case "requestId":
      return requestId(use);
    case "traceparent":
      return traceparent(use);
    case "blocklist":
      return blocklist(use);
    case "robots":
      return robots(use);
    case "cors":
      return cors(use);
    case "headers":
      return headers(use);
    case "securityHeaders":
      return securityHeaders(use);
    case "contentType":
      return contentType(use);
    case "errors":
      return errors(use, api);
    case "grpcWeb":
      return grpcWeb();
    case "oidc":
      return oidc(use, api);
    case "own":
      return own(use, api);
    default:
      return unknown(use);
  }
}

/** What was kept by another version may be what keeps people out: then the route is not served without it. */
function unknown({ kind }: { readonly kind: string }): never {
  throw new Error(`this version has no middleware ${JSON.stringify(kind)}`);
}

function createAuth(use: AuthUse, api: MiddlewareApi): Middleware {
  switch (use.kind) {
    case "basicAuth":
      return basicAuth(use, api);
    case "digestAuth":
      return digestAuth(use, api);
    case "apiKey":
      return apiKey(use, api);
    case "forwardAuth":
      return forwardAuth(use, api);
    case "jwt":
      return jwt(use, api);
  }
}

type Rewrite = Extract<
  MiddlewareUse,
  { readonly kind: "stripPrefix" | "addPrefix" | "replacePrefix" | "replacePath" }
>;

function createRewrite(use: Rewrite): Middleware {
  switch (use.kind) {
    case "stripPrefix":
      return stripPrefix(use);
    case "addPrefix":
      return addPrefix(use);
    case "replacePrefix":
      return replacePrefix(use);
    case "replacePath":
      return replacePath(use);
  }
}

function createRedirect(
  use: ForceHttpsUse | RedirectHostUse | RedirectMatchUse | RedirectUse,
): Middleware {
  switch (use.kind) {
    case "redirect":
      return redirect(use);
    case "redirectMatch":
      return redirectMatch(use);
    case "redirectHost":
      return redirectHost(use);
    case "forceHttps":
      return forceHttps(use);
  }
}

function createBody(use: BodyUse, api: MiddlewareApi): Middleware {
  switch (use.kind) {
    case "bodyLimit":
      return bodyLimit(use);
    case "compress":
      return compress(use, api);
    case "decompress":
      return decompress(use);
    case "rewriteBody":
      return rewriteBody(use, api);
  }
}

function createLimit(
  use: RateLimitUse | ConcurrencyUse | BandwidthUse,
  api: MiddlewareApi,
): Middleware {
  switch (use.kind) {
    case "rateLimit":
      return rateLimit(use, api);
    case "concurrency":
      return concurrency(use, api);
    case "bandwidth":
      return bandwidth(use);
  }
}
