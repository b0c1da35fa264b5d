// From what was written about alerts to settings that are complete: channels have names, secrets are read from
// their files. Messages name files and keys, never what is in them.

import { NetworkSet } from "../lib/ip.ts";
import { alertTopics } from "./alert-settings.ts";
import type { AlertChannel, AlertSettings, QuietHours } from "./alert-settings.ts";
import { defaultAlerts, defaultErrorAlert, isFieldValue } from "./alerts-schema.ts";
import type { AlertsInput, EmailInput, NtfyInput, WebhookInput } from "./alerts-schema.ts";
import { given, report } from "./context.ts";
import type { Context } from "./context.ts";
import { authoritiesOf, textOf } from "./pem.ts";
import type { Path } from "./problem.ts";

/** undefined when nobody is to be told. */
export function resolveAlerts(
  context: Context,
  input: AlertsInput | undefined,
): AlertSettings | undefined {
  if (input === undefined) return undefined;
  const channels: AlertChannel[] = [
    ...each(context, "email", input.email, emailOf),
    ...each(context, "webhook", input.webhook, webhookOf),
    ...each(context, "ntfy", input.ntfy, ntfyOf),
  ];
  if (input.email === undefined && input.webhook === undefined && input.ntfy === undefined) {
    const fault = { message: "names nobody to tell", remedy: "add email, webhook or ntfy" };
    report(context, ["alerts"], { ...fault, at: "key" });
  }
  return {
    channels,
    topics: input.topics ?? alertTopics,
    group: input.group ?? defaultAlerts.group,
    repeat: repeatOf(context, input.repeat ?? defaultAlerts.repeat),
    maxPerHour: input.maxPerHour ?? defaultAlerts.maxPerHour,
    quiet: quietOf(context, input.quiet),
    errors: { ...defaultErrorAlert, ...given(input.errors) },
  };
}

/** A single one is called by its kind, several are numbered. */
function each<Input>(
  context: Context,
  kind: AlertChannel["kind"],
  inputs: readonly Input[] | undefined,
  make: (context: Context, input: Input, place: { name: string; path: Path }) => AlertChannel,
): AlertChannel[] {
  const all = inputs ?? [];
  const isList = Array.isArray(valueAt(context.source.value, ["alerts", kind]));
  return all.map((input, index) => {
    const name = all.length === 1 ? kind : `${kind}-${index + 1}`;
    const path = isList ? ["alerts", kind, index] : ["alerts", kind];
    return make(context, input, { name, path });
  });
}

function valueAt(value: unknown, [first, ...rest]: readonly string[]): unknown {
  if (first === undefined) return value;
  if (typeof value !== "object" || value === null) return undefined;
  return valueAt(Reflect.get(value, first), rest);
}

interface Place {
  readonly name: string;
  readonly path: Path;
}

function emailOf(context: Context, input: EmailInput, { name, path }: Place): AlertChannel {
  const { server, passwordFile, ca, from, to } = input;
  if (passwordFile !== undefined && server.user === undefined) {
    const fault = { message: "is for nobody: server names no user", remedy: "write smtp://USER@…" };
    report(context, [...path, "passwordFile"], { ...fault, at: "key" });
  }
  const both = { inline: server.password, file: passwordFile, key: "passwordFile" };
  const password = secretOf(context, path, both);
  if (server.user !== undefined && password === undefined && passwordFile === undefined) {
    const remedy = "write smtp://USER:PASSWORD@…, or add passwordFile";
    report(context, [...path, "server"], { message: "has a user and no password", remedy });
  }
  if (server.security === "none" && password !== undefined && !isNear(server.host)) {
    const message = "sends the password unencrypted to another machine";
    const fault = { message, remedy: "write smtp:// or smtps://", severity: "warning" } as const;
    report(context, [...path, "server"], fault);
  }
  return {
    kind: "email",
    name,
    host: server.host,
    port: server.port,
    security: server.security,
    ca: ca === undefined ? undefined : authoritiesOf(context, ca, [...path, "ca"]),
    user: server.user,
    password,
    from,
    to,
  };
}

/** On this machine, or in a net of one's own. */
function isNear(host: string): boolean {
  return host === "localhost" || nearby.has(host);
}

const nearby = NetworkSet.of([
  "127.0.0.0/8",
  "::1",
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "fc00::/7",
]);

function webhookOf(context: Context, input: WebhookInput, { name, path }: Place): AlertChannel {
  const both = { inline: input.secret, file: input.secretFile, key: "secretFile" };
  const secret = secretOf(context, path, both);
  return { kind: "webhook", name, url: input.url, secret, headers: input.headers ?? {} };
}

function ntfyOf(context: Context, input: NtfyInput, { name, path }: Place): AlertChannel {
  const both = { inline: input.token, file: input.tokenFile, key: "tokenFile" };
  return { kind: "ntfy", name, url: input.url, token: secretOf(context, path, both) };
}

interface Secret {
  readonly inline: string | undefined;
  readonly file: string | undefined;
  /** Of the file. */
  readonly key: string;
}

/** A password or a token, and whatever an editor puts behind it; bytes. */
const maxSecretFile = 64 * 1024;

function secretOf(context: Context, path: Path, { inline, file, key }: Secret): string | undefined {
  if (file === undefined) return inline;
  const place = [...path, key];
  if (inline !== undefined) {
    const message = "says a second time what stands there already";
    report(context, place, { message, remedy: "leave out one of them", at: "key" });
  }
  const text = textOf(context, file, place, maxSecretFile)?.replace(/\r?\n$/, "");
  if (text === undefined) return undefined;
  if (text !== "" && isFieldValue(text)) return text;
  const message = text === "" ? "is an empty file" : "holds more than one line of text";
  report(context, place, { message, remedy: "write the secret, and nothing else, into it" });
  return undefined;
}

const leastRepeat = 60_000;

function repeatOf(context: Context, repeat: number): number {
  if (repeat !== 0 && repeat < leastRepeat) {
    const remedy = "write at least 1m, or 0 for never";
    report(context, ["alerts", "repeat"], { message: "is too short", remedy });
  }
  return repeat;
}

function quietOf(context: Context, input: AlertsInput["quiet"]): QuietHours | undefined {
  if (input === undefined) return undefined;
  const { from, to, except = [] } = input;
  if (from === to) {
    const remedy = "leave out quiet to be told at all times";
    report(context, ["alerts", "quiet", "to"], { message: "is the same as from", remedy });
  }
  return { from, to, except };
}
