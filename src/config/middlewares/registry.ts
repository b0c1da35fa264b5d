// All kinds of middlewares that can be named in a list. A new one is a file here, a line here and in `use.ts`, its own
// file in `src/middlewares/` with a line in the registry there, and its page in `docs/middlewares/`.

import { apiKey } from "./api-key.ts";
import { basicAuth } from "./basic-auth.ts";
import { digestAuth } from "./digest-auth.ts";
import { forwardAuth } from "./forward-auth.ts";
import { jwt } from "./jwt.ts";
import { blocklist } from "./blocklist.ts";
import { bodyLimit } from "./body-limit.ts";
import { compress } from "./compress.ts";
import { decompress } from "./decompress.ts";
import { rewriteBody } from "./rewrite-body.ts";
import { cache } from "./cache.ts";
import { collapse } from "./collapse.ts";
import { respond, whoami } from "./own-answers.ts";
import { addPrefix, replacePath, replacePrefix, stripPrefix } from "./path-rewrites.ts";
import { forceHttps, redirect } from "./redirects.ts";
import { geoip } from "./geoip.ts";
import { ipRules } from "./ip-rules.ts";
import { bandwidth } from "./bandwidth.ts";
import { concurrency } from "./concurrency.ts";
import { rateLimit } from "./rate-limit.ts";
import { oidc } from "./oidc.ts";
import { own } from "./own.ts";
import { requestId } from "./request-id.ts";
import { contentType } from "./content-type.ts";
import { cors } from "./cors.ts";
import { errors } from "./errors.ts";
import { grpcWeb } from "./grpc-web.ts";
import { headers } from "./headers.ts";
import { redirectHost } from "./redirect-host.ts";
import { robots } from "./robots.ts";
import { securityHeaders } from "./security-headers.ts";
import { traceparent } from "./traceparent.ts";

export const definitions = {
  forceHttps,
  redirect,
  stripPrefix,
  replacePrefix,
  replacePath,
  addPrefix,
  respond,
  whoami,
  cache,
  collapse,
  basicAuth,
  digestAuth,
  apiKey,
  forwardAuth,
  jwt,
  ipRules,
  geoip,
  rateLimit,
  concurrency,
  bandwidth,
  requestId,
  traceparent,
  blocklist,
  robots,
  redirectHost,
  cors,
  headers,
  securityHeaders,
  contentType,
  errors,
  bodyLimit,
  compress,
  decompress,
  rewriteBody,
  grpcWeb,
  own,
  oidc,
};

export type Kind = keyof typeof definitions;
