// What of a request lets somebody in, and is not to be shown: values of header fields and of parameters in URLs. One
// list for everything that shows requests. What stands in a path is not known to be a secret, and is shown.

import { isSecretField as isSecretSetting, notShown } from "../config/words.ts";

/** Stands where something is left out. */
export const hidden: string = notShown;

const secretFields = new Set([
  ...["authorization", "proxy-authorization", "cookie", "set-cookie", "set-cookie2"],
  ...["authentication-info", "proxy-authentication-info", "client-cert", "client-cert-chain"],
  ...["x-forwarded-client-cert", "x-forwarded-tls-client-cert", "ssl-client-cert"],
]);

/** A name is cut at what is no letter or digit, and before capitals. */
const secretWords = new Set([
  ...["token", "key", "secret", "password", "passwd", "pwd", "pass", "passphrase", "passcode"],
  ...["code", "signature", "sig", "credential", "credentials", "auth", "jwt", "assertion", "otp"],
  ...["session", "sid", "ticket", "apikey", "bearer", "pin", "csrf", "xsrf", "nonce", "hmac"],
  ...["totp", "mfa", "verifier", "samlresponse", "samlart", "wresult"],
]);

/** Words written together. */
const secretEnding =
  /(token|secret|password|passwd|passphrase|apikey|authkey|accesskey|secretkey|privatekey|signature|credentials?|sessionid|sessid|userpass|dbpass|loginpass)$/;

/** A longer name is none that anybody means. */
const longestName = 200;

/** Further names, in lower case: a configuration may say where keys stand. */
export interface SecretNames {
  readonly fields: ReadonlySet<string>;
  readonly parameters: ReadonlySet<string>;
}

export const noNames: SecretNames = { fields: new Set(), parameters: new Set() };

/** @param name of a header field, in any case */
export function isSecretField(name: string, { fields }: SecretNames = noNames): boolean {
  if (fields.has(name.toLowerCase())) return true;
  return secretFields.has(name.toLowerCase()) || isSecretSetting(name) || isSecretName(name);
}

/** @param name of a parameter, decoded */
export function isSecretName(name: string): boolean {
  if (name.length > longestName) return true;
  const words = name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replaceAll(/([A-Z])([A-Z][a-z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z0-9]+/);
  // Some servers do not mind how a name is written: `PassWord` is the same to them.
  const whole = withoutNumber(name.toLowerCase().replaceAll(/[^a-z0-9]/g, ""));
  if (secretWords.has(whole) || secretEnding.test(whole)) return true;
  return words.some((word) => secretWords.has(withoutNumber(word)));
}

/** `password2` is one, too. */
function withoutNumber(word: string): string {
  return word.replace(/\d+$/, "");
}

/** Who logs in with a URL: what stands between `//` and `@`. */
const userInfo = /\/\/[^/?#\s@]*@/g;

/** A target, URL or path with the values of such parameters left out, wherever they stand, and what stands before an `@`. */
export function shownTarget(target: string, names: SecretNames = noNames): string {
  const bare = target.replace(/^([a-z][a-z0-9+.-]*:)?\/\/[^/?#]*@/i, `$1//${hidden}@`);
  const end = bare.search(/[?#]/);
  if (end === -1) return shownPath(bare, names);
  const path = shownPath(bare.slice(0, end), names);
  return `${path}${bare.charAt(end)}${shownQuery(bare.slice(end + 1), names)}`;
}

/** Parameters may stand in a path as well: `/shop;jsessionid=1`. */
function shownPath(path: string, names: SecretNames): string {
  if (!path.includes(";")) return path;
  return path.replaceAll(/;([^=;/]*)=([^;/]*)/g, (all: string, name: string) =>
    isSecretParameter(name, names) ? `;${name}=${hidden}` : all,
  );
}

/** @param host as the client says it; with a name and a password it is refused, and told of */
export function shownHost(host: string): string {
  return host.includes("@") ? `${hidden}${host.slice(host.lastIndexOf("@"))}` : host;
}

export function shownQuery(query: string, names: SecretNames = noNames): string {
  return query
    .split(/([&;#])/)
    .map((piece) => {
      const equals = piece.indexOf("=");
      if (equals === -1) return piece;
      const [name, value] = [piece.slice(0, equals), piece.slice(equals + 1)];
      return isSecretParameter(name, names) || holdsSecret(value, names)
        ? `${name}=${hidden}`
        : piece;
    })
    .join("");
}

/** @param name as it stands there */
function isSecretParameter(name: string, { parameters }: SecretNames): boolean {
  const plain = decoded(name);
  return parameters.has(plain.toLowerCase()) || isSecretName(plain);
}

/** A value may be a URL that has such a parameter itself: `next=https%3A%2F%2Fa.test%2F%3Ftoken%3D1`. */
function holdsSecret(value: string, names: SecretNames): boolean {
  if (!/[=@]|%(25)?(3d|40)/i.test(value)) return false;
  // Written twice over where it went through two logins.
  const plain = decoded(decoded(value));
  if (/\/\/[^/?#\s@]*@/.test(plain)) return true;
  for (const [, name = ""] of plain.matchAll(/[?&;#]([^=?&;#]{1,200})=/g)) {
    if (isSecretParameter(name, names)) return true;
  }
  return false;
}

/** What cannot be decoded is looked at as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}

/** Browsers can say a token nowhere else when they open a WebSocket; names of protocols are shorter. */
const longestProtocol = 32;

/** A field's value as it may be shown. @param name in any case */
export function shownField(name: string, value: string, names: SecretNames = noNames): string {
  if (isSecretField(name, names)) return hidden;
  if (name.toLowerCase() === "sec-websocket-protocol") {
    const isName = (each: string) => each.length <= longestProtocol && !isSecretName(each);
    return value.split(/[\s,]+/).every(isName) ? value : hidden;
  }
  return shownText(value, names);
}

const inText = /(^|[?&;#,\s"'<(])([^\s=?&;#,"'<>()]{1,200})=([^&;#\s"'<>),]*)/g;

/** A text that may have URLs and parameters in it: `Location`, `Referer`, `Link`, and what applications make up. */
function shownText(text: string, names: SecretNames): string {
  if (!/[=@]/.test(text)) return text;
  return text
    .replace(userInfo, `//${hidden}@`)
    .replace(inText, (all: string, before: string, name: string, value: string) => {
      const isSecret = isSecretParameter(name, names) || holdsSecret(value, names);
      return isSecret ? `${before}${name}=${hidden}` : all;
    });
}
