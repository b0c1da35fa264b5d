// Settings of `basicAuth`.

import { flag, key } from "../scalar.ts";
import { secretMapping } from "../secret-scalar.ts";
import { fieldName, realm, userKeys, usersOf } from "./auth-bricks.ts";
import { define, places } from "./definition.ts";
import type { BasicAuthUse } from "./uses/auth.ts";

const settings = secretMapping({
  ...userKeys("htpasswd", "Who is let in"),
  realm: key(realm, "What browsers show above the question.", "tidegate"),
  header: key(fieldName(), "Tells the backend the user's name; what clients say in it is dropped."),
  removeHeader: key(flag(), "Keeps the password from the backend.", false),
});

export const basicAuth = define({
  kind: "basicAuth",
  summary: "Asks for a name and a password (RFC 7617).",
  settings,
  place: places.auth,
  guarded: [["file"]],
  secrets: [["users"]],
  resolve(written, context, path): BasicAuthUse | undefined {
    const found = usersOf(written, "htpasswd", context, path);
    if (found === undefined) return undefined;
    const { realm: shown = "tidegate", header = "", removeHeader = false } = written;
    return { kind: "basicAuth", ...found, realm: shown, header, removeHeader };
  },
});
