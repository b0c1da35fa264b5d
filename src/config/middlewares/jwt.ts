// Settings of `jwt`.

import { tokens as limits } from "../auth-limits.ts";
import { report } from "../context.ts";
import type { Context } from "../context.ts";
import { documentUrl, resolveDocument } from "../document-settings.ts";
import { authoritiesOf, textOf } from "../pem.ts";
import type { Path } from "../problem.ts";
import {
  duration,
  durationKey,
  filePath,
  flag,
  key,
  list,
  oneOrMore,
  parsed,
  text,
} from "../scalar.ts";
import { secretMapping, secretText } from "../secret-scalar.ts";
import { formatDuration } from "../../lib/duration.ts";
import { readPublicKeys } from "../../lib/public-keys.ts";
import * as z from "zod";
import { credentialPlaces, fieldsOf, realm } from "./auth-bricks.ts";
import { define, places } from "./definition.ts";
import type { CredentialPlace, JwtUse } from "./uses/auth.ts";

const algorithms = [
  ...(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] as const),
  ...(["ES256", "ES384", "ES512", "EdDSA", "Ed25519", "HS256", "HS384", "HS512"] as const),
] as const;

const algorithm = z.enum(algorithms);

const publicKey = parsed({ what: "PEM, or a set of keys as JSON" }, (value, refuse) => {
  const read = readPublicKeys(value, limits);
  return read.kind === "ok" ? value : refuse(read.why, "write public keys as PEM or JSON");
});

const secret = secretText("a text", (value, refuse) =>
  Buffer.byteLength(value) >= limits.leastSecret
    ? value
    : refuse(`is shorter than ${limits.leastSecret} bytes`, "openssl rand -base64 48 makes one"),
);

const claim = text({ what: "the name of a claim" });
const audienceRemedy = "write who the tokens are for, or audience: any where everybody's are good";

const settings = secretMapping({
  jwks: key(
    documentUrl(),
    "Where the keys of whoever signs tokens are, as `jwks_uri` of OpenID Connect says.",
  ),
  keys: key(
    oneOrMore(publicKey, { what: "a key or a list of keys" }),
    "Public keys, as PEM or JSON.",
  ),
  file: key(filePath(), "A file with public keys, as PEM or JSON. Read again when it changes."),
  secret: key(
    secret,
    "What tokens of HS256, HS384 and HS512 are signed with; those are refused without it.",
  ),
  secretFile: key(filePath(), "A file with it."),
  ca: key(filePath(), "PEM file with the authorities to trust for `jwks` instead of the system's."),
  refresh: durationKey("How often `jwks` is asked again.", limits.refresh, limits.leastBetween),
  algorithms: key(
    list(algorithm, { what: "a list of algorithms" }),
    "Fewer than the keys are good for.",
  ),
  issuer: key(
    oneOrMore(text({ what: "a text" }), { what: "a text or a list" }),
    "Who may have made them (`iss`).",
  ),
  audience: key(
    oneOrMore(text({ what: "a text" }), { what: "a text or a list", remedy: audienceRemedy }),
    "Who they have to be for (`aud`); `any` where that does not matter.",
  ),
  types: key(
    oneOrMore(text({ what: "a text" }), { what: "a text or a list" }),
    "Their `typ`. Without it `JWT`, `at+jwt` or none.",
  ),
  leeway: key(duration(0, 300_000), "How far clocks may differ.", formatDuration(limits.leeway)),
  from: key(
    credentialPlaces(),
    "Where the token stands; the first place that has one counts.",
    "bearer",
  ),
  require: key(
    z.record(z.string(), oneOrMore(text({ what: "a text" }), { what: "a text or a list" })),
    "Claims, and what has to be in each: one of the texts.",
  ),
  headers: key(
    fieldsOf(claim, "claims"),
    "Fields for the backend, and the claim in each; what clients say in them is dropped.",
  ),
  userClaim: key(claim, "The claim that names the user, for the access log.", "sub"),
  removeToken: key(flag(), "Keeps the token from the backend.", false),
  realm: key(realm, "Said in `WWW-Authenticate`.", "tidegate"),
});

type Written = z.output<typeof settings>;

export const jwt = define({
  kind: "jwt",
  summary: "Lets in who has a token signed by somebody who is trusted (RFC 7519, RFC 9068).",
  settings,
  place: places.auth,
  guarded: [["file"], ["secretFile"], ["ca"], ["jwks"]],
  asks: [["jwks"]],
  secrets: [["secret"]],
  resolve(written, context, path): JwtUse | undefined {
    const { file, ca, audience } = written;
    if (!isComplete(written, context, path)) return undefined;
    const shared = secretOf(written, context, path);
    const document =
      file === undefined ? undefined : resolveDocument(context, { file }, "jwks", path);
    const authorities = ca === undefined ? undefined : authoritiesOf(context, ca, [...path, "ca"]);
    if (shared === undefined) return undefined;
    if (file !== undefined && document === undefined) return undefined;
    if (ca !== undefined && authorities === undefined) return undefined;
    return {
      kind: "jwt",
      jwks: written.jwks ?? "",
      keys: written.keys ?? [],
      documents: document === undefined ? [] : [document],
      secret: shared,
      ca: authorities,
      ...checksOf(written),
      audience: audience?.includes("any") === true ? undefined : audience,
      ...usesOf(written),
      refresh: written.refresh ?? limits.refresh,
    };
  },
});

function checksOf({
  algorithms,
  issuer = [],
  types = [],
  leeway = limits.leeway,
  require = {},
}: Written) {
  const normal = (type: string) => type.toLowerCase().replace(/^application\//, "");
  const rules = Object.entries(require).map(([name, values]) => ({ claim: name, values }));
  return { algorithms, issuer, types: types.map(normal), leeway, require: rules };
}

const bearer: CredentialPlace[] = [{ from: "bearer", name: "" }];

function usesOf({
  from = bearer,
  headers = {},
  userClaim = "sub",
  removeToken = false,
  realm: shown = "tidegate",
}: Written) {
  return { from, headers: Object.entries(headers), userClaim, removeToken, realm: shown };
}

function isComplete(written: Written, context: Context, path: Path): boolean {
  const { jwks, keys, file, secret: shared, secretFile, audience } = written;
  const has = [jwks, keys, file, shared, secretFile].some((each) => each !== undefined);
  if (!has) {
    const message = "has no keys to check tokens with";
    report(context, path, { message, remedy: "add jwks, keys, file or secret", at: "key" });
  }
  if (audience === undefined) {
    const message = "does not say who tokens have to be for: those for others would be let in";
    report(context, path, { message, remedy: `add audience: ${audienceRemedy}`, at: "key" });
  }
  return has && audience !== undefined;
}

/** "" = there is none; undefined after it reported a problem. */
function secretOf(
  { secret: shared, secretFile }: Written,
  context: Context,
  path: Path,
): string | undefined {
  if (secretFile === undefined) return shared ?? "";
  const place = [...path, "secretFile"];
  if (shared !== undefined) {
    report(context, place, {
      message: "there is a secret already",
      remedy: "leave out one",
      at: "key",
    });
    return undefined;
  }
  const found = textOf(context, secretFile, place, 4096)?.trim();
  if (found === undefined || Buffer.byteLength(found) >= limits.leastSecret) return found;
  const remedy = "openssl rand -base64 48 makes one";
  report(context, place, { message: `holds less than ${limits.leastSecret} bytes`, remedy });
  return undefined;
}
