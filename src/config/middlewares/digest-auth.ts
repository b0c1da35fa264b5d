// Settings of `digestAuth`.

import { report } from "../context.ts";
import { flag, key } from "../scalar.ts";
import { secretMapping } from "../secret-scalar.ts";
import { fieldName, realm, userKeys, usersOf } from "./auth-bricks.ts";
import { define, places } from "./definition.ts";
import type { DigestAuthUse } from "./uses/auth.ts";

const settings = secretMapping({
  ...userKeys("htdigest", "Who is let in"),
  realm: key(realm, "That the hashes were made with; browsers show it.", "tidegate"),
  header: key(fieldName(), "Tells the backend the user's name; what clients say in it is dropped."),
  removeHeader: key(flag(), "Keeps the Authorization field from the backend.", false),
});

export const digestAuth = define({
  kind: "digestAuth",
  summary: "Asks for a name and a password that is not sent itself (RFC 7616).",
  settings,
  place: places.auth,
  guarded: [["file"]],
  secrets: [["users"]],
  resolve(written, context, path): DigestAuthUse | undefined {
    const found = usersOf(written, "htdigest", context, path);
    if (found === undefined) return undefined;
    const { realm: shown = "tidegate", header = "", removeHeader = false } = written;
    const other = found.users.findIndex(([each]) => !each.includes(`:${shown}\n`));
    if (other >= 0) {
      const message = "has the hash of another realm, which fits no password here";
      const remedy = "write its realm at realm, or make the hash anew";
      report(context, [...path, "users"], { message, remedy });
      return undefined;
    }
    return { kind: "digestAuth", ...found, realm: shown, header, removeHeader };
  },
});
