// All kinds of middleware. A new one is a file, a line here, and its page in the reference.

import type { MiddlewareUse } from "../config/snapshot.ts";
import { addPrefix } from "./add-prefix.ts";
import { forceHttps } from "./force-https.ts";
import type { Middleware } from "./middleware.ts";
import { redirect } from "./redirect.ts";
import { redirectMatch } from "./redirect-match.ts";
import { replacePath } from "./replace-path.ts";
import { replacePrefix } from "./replace-prefix.ts";
import { respond } from "./respond.ts";
import { stripPrefix } from "./strip-prefix.ts";
import { whoami } from "./whoami.ts";

/** Makes the middleware that a route's entry describes. */
export function createMiddleware(use: MiddlewareUse): Middleware {
  switch (use.kind) {
    case "stripPrefix":
      return stripPrefix(use);
    case "addPrefix":
      return addPrefix(use);
    case "replacePrefix":
      return replacePrefix(use);
    case "replacePath":
      return replacePath(use);
    case "redirect":
      return redirect(use);
    case "redirectMatch":
      return redirectMatch(use);
    case "forceHttps":
      return forceHttps(use);
    case "respond":
      return respond(use);
    case "whoami":
      return whoami();
  }
}
