// Settings of `apiKey`.

import { flag, key } from "../scalar.ts";
import { secretMapping } from "../secret-scalar.ts";
import { credentialPlaces, fieldName, userKeys, usersOf } from "./auth-bricks.ts";
import { define, places } from "./definition.ts";
import type { ApiKeyUse, CredentialPlace } from "./uses/auth.ts";

const { users: keys, file } = userKeys("apikeys", "Whose keys are let in");

const settings = secretMapping({
  keys,
  file,
  from: key(
    credentialPlaces(),
    "Where the key stands; the first place that has one counts.",
    "header:X-Api-Key",
  ),
  header: key(
    fieldName(),
    "Tells the backend whose key it was; what clients say in it is dropped.",
  ),
  forwardKey: key(flag(), "Leaves the key in the request for the backend.", false),
});

const usual: readonly CredentialPlace[] = [{ from: "header", name: "x-api-key" }];

export const apiKey = define({
  kind: "apiKey",
  summary: "Lets programs in that have a key.",
  settings,
  place: places.auth,
  guarded: [["file"]],
  secrets: [["keys"]],
  resolve(written, context, path): ApiKeyUse | undefined {
    const list = { users: written.keys, file: written.file };
    const found = usersOf(list, "apikeys", context, path, "keys");
    if (found === undefined) return undefined;
    const { from = usual, header = "", forwardKey = false } = written;
    const { users, documents } = found;
    return { kind: "apiKey", keys: users, documents, from, header, forwardKey };
  },
});
