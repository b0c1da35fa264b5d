// The schema of `tls.acme`: where certificates come from, and how names are proven. What needs more than one key is checked in
// `resolve-acme.ts`.

import * as z from "zod";
import { challengeTypes } from "./acme-settings.ts";
import { dns } from "./acme-dns-schema.ts";
import { filePath, key, list, mapping, mustBe, oneOrMore, parsed, text } from "./scalar.ts";

/** Known by a name. */
export const knownAuthorities: ReadonlyMap<string, { who: string; directory: string }> = new Map([
  [
    "letsencrypt",
    { who: "Let's Encrypt", directory: "https://acme-v02.api.letsencrypt.org/directory" },
  ],
  [
    "letsencrypt-staging",
    {
      who: "Let's Encrypt (staging)",
      directory: "https://acme-staging-v02.api.letsencrypt.org/directory",
    },
  ],
  ["zerossl", { who: "ZeroSSL", directory: "https://acme.zerossl.com/v2/DV90" }],
]);

const names = [...knownAuthorities.keys()].join(", ");

const directory = parsed({ what: "a name or a URL", remedy: `write ${names}` }, (value, refuse) => {
  const remedy = `write ${names}, or the https:// address of a directory`;
  if (knownAuthorities.has(value)) return value;
  if (!URL.canParse(value)) return refuse("is no authority that is known here", remedy);
  const { protocol, username, password } = new URL(value);
  if (username !== "" || password !== "") return refuse("has a user in it", "leave it out");
  return protocol === "https:" || protocol === "http:"
    ? value
    : refuse("must be an address of the web", remedy);
});

const authorityMapping = mapping({
  directory: directory.meta({ description: `Its name (${names}) or the URL of its directory.` }),
  eab: key(
    mapping({
      keyId: text({ what: "a text" }).meta({ description: "Which customer we are." }),
      keyFile: filePath().meta({ description: "File with the HMAC key that its web pages show." }),
    }),
    "External account binding, for authorities that only serve their customers.",
  ),
  ca: key(filePath(), "PEM file with who signed the certificate of its web server."),
  profile: key(
    text({ what: "the name of a profile" }),
    "Which of its kinds of certificates: `shortlived` of Let's Encrypt is good for six days.",
  ),
  preferredChain: key(
    text({ what: "a name" }),
    "Name of the root that the chain should lead to, where it offers several.",
  ),
});

export type AuthorityInput = z.output<typeof authorityMapping> | string;

const authority = z.union([directory, authorityMapping], {
  error: mustBe({ what: "a name, a URL or a mapping", remedy: `write ${names}` }),
});

const email = parsed({ what: "an email address" }, (value, refuse) =>
  /^[^\s@,?&%\p{Cc}]{1,64}@[^\s@,?&%\p{Cc}]{1,255}$/u.test(value)
    ? value
    : refuse("is not an email address", "write admin@example.com"),
);

const webUrl = parsed({ what: "a URL" }, (value, refuse) => {
  const remedy = "write http://127.0.0.1:8000/may";
  if (!URL.canParse(value)) return refuse("is not a URL", remedy);
  const { protocol, username, password } = new URL(value);
  if (username !== "" || password !== "") return refuse("has a user in it", "leave it out");
  return protocol === "https:" || protocol === "http:"
    ? value
    : refuse("must be an address of the web", remedy);
});

const onDemand = mapping({
  hosts: key(
    oneOrMore(text({ what: "a host name" }), { what: "a host name or a list of host names" }),
    "Which: names, or `*.example.com` for every name below. Stars need `ask` as well.",
  ),
  ask: key(webUrl, "Asked with `?domain=NAME` whether the name may have one: 200 is yes."),
});

export type OnDemandInput = z.output<typeof onDemand>;

export const acme = mapping({
  email: key(
    oneOrMore(email, { what: "an email address or a list of them" }),
    "Where the authority can reach you.",
  ),
  authority: key(
    oneOrMore(authority, { what: "a name, a URL, a mapping, or a list of these" }),
    "Who signs. Of several the next one is asked when one does not sign.",
    "letsencrypt",
  ),
  challenges: key(
    list(z.enum(challengeTypes), { what: "a list of http-01, tls-alpn-01 and dns-01" }),
    "How names may be proven, in this order. Without it: all that can be done here.",
  ),
  dns: key(dns, "Who changes the DNS, for dns-01. Wildcards need it."),
  onDemand: key(
    onDemand,
    "Names that no route names: they get a certificate when a client asks for them, if they may.",
  ),
  keyType: key(
    z.enum(["ec", "rsa"]),
    "Kind of the keys: `ec` (P-256), or `rsa` (2048 bits) for clients older than ten years.",
    "ec",
  ),
});

export type AcmeInput = z.output<typeof acme>;
