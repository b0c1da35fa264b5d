// The schema of `tls.acme.dns`: who changes the DNS, and where it is looked whether they did. Tokens and keys are in files or in the
// environment, never here; what stands in the place of one is not repeated by any message.

import * as z from "zod";
import { acmeLimits } from "./acme-limits.ts";
import { tsigAlgorithms } from "./acme-settings.ts";
import { parseHostPort } from "./redis-url.ts";
import { durationKey, filePath, key, list, mapping, oneOrMore, parsed, text } from "./scalar.ts";
import { secretMapping, secretText } from "./secret-scalar.ts";

const command = oneOrMore(text({ what: "a program or an argument" }), {
  what: "a program, or a list of a program and its arguments",
});

const resolver = parsed({ what: "an address" }, (value, refuse) =>
  /^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:.]+\])(:\d{1,5})?$/.test(value)
    ? value
    : refuse("is not an address of a name server", "write 192.0.2.53 or 192.0.2.53:53"),
);

const zoneName = /^(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/;

const dnsName = parsed({ what: "a name" }, (value, refuse) => {
  const name = value.toLowerCase().replace(/\.$/, "");
  return zoneName.test(name) ? name : refuse("is not a name of the DNS", "write example.com");
});

const server = parsed({ what: "the address of a name server" }, (value, refuse) => {
  const place = value === "" ? undefined : parseHostPort(value, 53);
  return place ?? refuse("is not HOST:PORT", "write 192.0.2.53:53 or ns1.example.com");
});

const variable = secretText("the name of a variable", (value, refuse) =>
  /^[A-Za-z_][A-Za-z0-9_]*$/.test(value)
    ? value
    : refuse("is not the name of a variable", "write DNS_TOKEN, and set that in the environment"),
);

/** One of the two. */
function secretKeys(name: string, what: string) {
  return {
    File: key(filePath(), `File with the ${what}.`),
    Env: key(
      variable,
      `Instead of \`${name}File\`: the variable of the environment that holds it.`,
    ),
  };
}

const secret = secretKeys("secret", "secret, in base64, or as `tsig-keygen` writes it");
const token = secretKeys("token", "token, in its first line");
const tokenKeys = { tokenFile: token.File, tokenEnv: token.Env };

const rfc2136 = secretMapping({
  server: server.meta({
    description: "The primary name server of the zone: `HOST`, or `HOST:PORT`. TCP is spoken.",
  }),
  key: secretMapping({
    name: dnsName.meta({ description: "What the server calls the key." }),
    algorithm: key(z.enum(tsigAlgorithms), "Its algorithm.", "hmac-sha256"),
    secretFile: secret.File,
    secretEnv: secret.Env,
  }).meta({ description: "The key that changes are signed with (TSIG)." }),
  zone: key(dnsName, "The zone that records are set in. Without it the server is asked."),
});

export type Rfc2136Input = z.output<typeof rfc2136>;

const apiUrl = secretText("a URL", (value, refuse) => {
  const url = URL.parse(value);
  const remedy = "write http://127.0.0.1:8081";
  if (url === null || !/^https?:$/.test(url.protocol))
    return refuse("is no address of the web", remedy);
  const { username, password, search, hash } = url;
  if (username !== "" || password !== "") return refuse("has a user in it", remedy);
  if (search !== "" || hash !== "") return refuse("has more than an address in it", remedy);
  return url.href.replace(/\/+$/, "");
});

const powerdns = secretMapping({
  url: apiUrl.meta({ description: "Its web server: `http://127.0.0.1:8081`." }),
  ...tokenKeys,
  ca: key(filePath(), "PEM file with who signed the certificate of its web server."),
});

const api = secretMapping(tokenKeys);

export type ApiInput = z.output<typeof api> & Partial<z.output<typeof powerdns>>;

export const dns = mapping({
  hook: key(
    command,
    "Program that changes the DNS: called with `set NAME VALUE` and `remove NAME VALUE`; several values may stand under one name.",
  ),
  rfc2136: key(
    rfc2136,
    "A name server that takes changes by the DNS itself: BIND, Knot, PowerDNS …",
  ),
  powerdns: key(powerdns, "PowerDNS by its API. The token is its `api-key`."),
  cloudflare: key(api, "Cloudflare by its API. The token needs Zone / Read and DNS / Edit."),
  hetzner: key(
    api,
    "Hetzner by its Cloud API. The token needs Read & Write in the zone's project.",
  ),
  digitalocean: key(api, "DigitalOcean by its API. The token needs to read and write domains."),
  resolvers: key(
    list(resolver, { what: "a list of addresses" }),
    "Name servers that must show a record before the authority looks. Without it: those of the zone.",
  ),
  wait: durationKey(
    "How long that may take; then the authority looks all the same.",
    acmeLimits.dnsWait,
  ),
});

export type DnsInput = z.output<typeof dns>;
