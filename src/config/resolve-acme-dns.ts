// Who changes the DNS for certificates: from what the file says to settings that are complete, with the token or key read from
// where it is. No message repeats one.

import { resolve } from "node:path";
import { isIPv4 } from "node:net";
import type { ApiInput, DnsInput, Rfc2136Input } from "./acme-dns-schema.ts";
import { acmeLimits, dnsChangeLimits } from "./acme-limits.ts";
import type { DnsApiSettings, DnsProviderSettings, DnsSettings } from "./acme-settings.ts";
import { dnsApiKinds } from "./acme-settings.ts";
import { report } from "./context.ts";
import type { Context } from "./context.ts";
import { authoritiesOf, textOf } from "./pem.ts";
import type { Path } from "./problem.ts";

const base: Path = ["tls", "acme", "dns"];

const addresses = {
  cloudflare: "https://api.cloudflare.com/client/v4",
  hetzner: "https://api.hetzner.cloud/v1",
  digitalocean: "https://api.digitalocean.com/v2",
} as const;

export function resolveDns(context: Context, input: DnsInput): DnsSettings | undefined {
  const ways = ["hook", "rfc2136", ...dnsApiKinds] as const;
  const said = ways.filter((each) => input[each] !== undefined);
  const [first, second] = said;
  if (first === undefined) {
    const remedy = `add one of ${ways.join(", ")}`;
    report(context, base, { message: "nobody changes the DNS", remedy, at: "key" });
    return undefined;
  }
  if (second !== undefined) {
    const message = `${first} changes the DNS already`;
    report(context, [...base, second], { message, remedy: "leave out one of them", at: "key" });
    return undefined;
  }
  const provider = providerOf(context, input);
  if (provider === undefined) return undefined;
  return { provider, resolvers: input.resolvers ?? [], wait: input.wait ?? acmeLimits.dnsWait };
}

function providerOf(context: Context, input: DnsInput): DnsProviderSettings | undefined {
  if (input.hook !== undefined) {
    const [program = "", ...args] = input.hook;
    // Others are looked for where commands are.
    const path = program.includes("/") ? resolve(context.baseFolder, program) : program;
    return { kind: "hook", command: [path, ...args] };
  }
  if (input.rfc2136 !== undefined) return updateOf(context, input.rfc2136);
  for (const kind of dnsApiKinds) {
    const each = input[kind];
    if (each !== undefined) return apiOf(context, kind, each);
  }
  return undefined;
}

function updateOf(
  context: Context,
  { server, key, zone }: Rfc2136Input,
): DnsProviderSettings | undefined {
  const path = [...base, "rfc2136"];
  const { name, algorithm = "hmac-sha256", secretFile, secretEnv } = key;
  const input = { file: secretFile, variable: secretEnv, name: "secret" };
  const text = secretOf(context, [...path, "key"], input);
  if (text === undefined) return undefined;
  const secret = (/\bsecret\s+"([^"]*)"/.exec(text)?.[1] ?? text).trim();
  if (!/^[A-Za-z0-9+/]{2,}={0,2}$/.test(secret)) {
    const remedy = "write what tsig-keygen says";
    report(context, [...path, "key"], { message: "the secret is not base64", remedy, at: "key" });
    return undefined;
  }
  const place = context.originOf(path).place;
  return { kind: "rfc2136", ...server, key: { name, algorithm, secret }, zone, place };
}

function apiOf(
  context: Context,
  kind: DnsApiSettings["kind"],
  { url, tokenFile, tokenEnv, ca }: ApiInput,
): DnsProviderSettings | undefined {
  const path = [...base, kind];
  const input = { file: tokenFile, variable: tokenEnv, name: "token" };
  const token = secretOf(context, path, input)?.split(/\r?\n/, 1)[0]?.trim();
  if (token === undefined) return undefined;
  if (!/^[\x21-\x7e]+$/.test(token)) {
    const message = "the token is empty, or has something in it that no token has";
    report(context, path, {
      message,
      remedy: "write it, and nothing else, in one line",
      at: "key",
    });
    return undefined;
  }
  const address = kind === "powerdns" ? url : addresses[kind];
  if (address === undefined) return undefined;
  const { protocol, hostname } = new URL(address);
  if (protocol === "http:" && !isHere(hostname)) {
    const message = "sends the token unencrypted to another machine";
    const remedy = "write https://";
    report(context, [...path, "url"], { message, remedy, severity: "warning" });
  }
  const trusted = ca === undefined ? undefined : authoritiesOf(context, ca, [...path, "ca"]);
  return { kind, url: address, token, ca: trusted, place: context.originOf(path).place };
}

function isHere(hostname: string): boolean {
  return (
    hostname === "localhost" ||
    hostname === "[::1]" ||
    (isIPv4(hostname) && hostname.startsWith("127."))
  );
}

interface SecretInput {
  readonly file: string | undefined;
  readonly variable: string | undefined;
  /** `token`: the keys are called `tokenFile` and `tokenEnv`. */
  readonly name: string;
}

function secretOf(
  context: Context,
  path: Path,
  { file, variable, name }: SecretInput,
): string | undefined {
  if ((file === undefined) === (variable === undefined)) {
    const isTwice = file !== undefined;
    const message = isTwice ? `the ${name} is said twice` : `there is no ${name}`;
    const remedy = isTwice ? "leave out one of them" : `add ${name}File or ${name}Env`;
    report(context, path, { message, remedy, at: "key" });
    return undefined;
  }
  if (file !== undefined) {
    return textOf(context, file, [...path, `${name}File`], dnsChangeLimits.secretBytes);
  }
  const found = process.env[variable ?? ""];
  if (found !== undefined && found !== "") return found;
  const message = "the environment has no such variable, or it is empty";
  report(context, [...path, `${name}Env`], { message, remedy: "set it for the program" });
  return undefined;
}
