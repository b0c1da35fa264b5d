// The schema of `alerts`: who is told of what. Much of it is secret, and people put secrets into the wrong
// place: unlike elsewhere, no message here repeats what was written.

import { isIPv6 } from "node:net";
import * as z from "zod";
import { alertTopics } from "./alert-settings.ts";
import type { ErrorAlert } from "./alert-settings.ts";
import { token } from "./http-scalar.ts";
import { durationKey, filePath, integer, joinFault, key, list, mapping } from "./scalar.ts";
import { oneOrMore, parsed, shareKey } from "./scalar.ts";
import { secretMapping, secretText } from "./secret-scalar.ts";

export const defaultAlerts = {
  // A switch that restarts takes many backends along, within seconds: one message for all of them.
  group: 30_000,
  // Twice in a working day: nobody forgets it, and nobody filters it.
  repeat: 4 * 3_600_000,
  // One in three minutes. Who gets more than that stops reading them.
  maxPerHour: 20,
} as const;

export const defaultErrorAlert: ErrorAlert = {
  // Far above what aborted downloads and a bad deploy of a few seconds make.
  ratio: 0.05,
  window: 300_000,
  // Below it a handful of failures is a large share.
  minRequests: 100,
};

/** One or several of them; always a list in the end. */
function channels<Item extends z.ZodType>(item: Item) {
  const error = joinFault("must be a mapping, or a list of them");
  const all = z.array(item, { error }).min(1, joinFault("must not be empty"));
  return z.union([item.transform((one) => [one]), all], { error }).meta({ title: "oneOrMore" });
}

export interface MailServer {
  readonly host: string;
  readonly port: number;
  readonly security: "starttls" | "tls" | "none";
  readonly user: string | undefined;
  readonly password: string | undefined;
}

const serverForms =
  "write smtp://USER:PASSWORD@HOST:587 for STARTTLS, smtps://… for TLS from the start, or smtp+plain://… for neither";

const schemes = new Map<string, { security: MailServer["security"]; port: number }>([
  ["smtp:", { security: "starttls", port: 587 }],
  ["smtps:", { security: "tls", port: 465 }],
  ["smtp+plain:", { security: "none", port: 25 }],
]);

const server = secretText("the URL of a mail server", (value, refuse): MailServer | undefined => {
  const url = URL.parse(value);
  const scheme = schemes.get(url?.protocol ?? "");
  if (url === null || scheme === undefined)
    return refuse("is no URL of a mail server", serverForms);
  const { hostname, port, pathname, search, hash } = url;
  if (!isHostName(hostname)) return refuse("names no host", serverForms);
  if (!["", "/"].includes(pathname) || search !== "" || hash !== "") {
    return refuse("has more than user, password, host and port", serverForms);
  }
  const user = decoded(url.username);
  const password = decoded(url.password);
  if (user === undefined || password === undefined) {
    return refuse(
      "has a percent sign in user or password that stands for itself",
      "write it as %25",
    );
  }
  if (user === "" && password !== "") return refuse("has a password and no user", serverForms);
  return {
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? scheme.port : Number(port),
    security: scheme.security,
    user: user === "" ? undefined : user,
    password: password === "" ? undefined : password,
  };
}).meta({ title: "mail server URL" });

function isHostName(name: string): boolean {
  return (
    /^[\w-]+(\.[\w-]+)*\.?$/.test(name) || (/^\[.*\]$/.test(name) && isIPv6(name.slice(1, -1)))
  );
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

// Narrower than RFC 5321: no quoted part, no comments, and nothing that could become a second receiver.
const address = parsed({ what: "an e-mail address" }, (value, refuse) =>
  /^[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\p{L}\d-]+(\.[\p{L}\d-]+)*$/u.test(value)
    ? value
    : refuse(`${JSON.stringify(value)} is not an e-mail address`, "write name@example.com"),
).meta({ title: "e-mail address" });

/** @param isTopic its path is one name */
export const webUrl = (example: string, isTopic: boolean) =>
  secretText("a URL", (value, refuse) => {
    const parsedUrl = URL.parse(value);
    if (parsedUrl === null || !/^https?:$/.test(parsedUrl.protocol)) {
      return refuse("is no http or https URL", `write ${example}`);
    }
    const isFit = !isTopic || /^\/[^/]+$/.test(parsedUrl.pathname);
    return isFit ? parsedUrl.href : refuse("names no topic", `write ${example}`);
  }).meta({ title: "URL" });

const secret = (what: string) =>
  secretText(what, (value, refuse) => {
    if (value === "") return refuse("is empty");
    return isFieldValue(value)
      ? value
      : refuse("has a line end or another control character in it");
  });

/** What a header field may hold; a token goes into one. */
export function isFieldValue(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
}

const email = secretMapping({
  server: server.meta({
    description:
      "`smtp://USER:PASSWORD@HOST:587` (STARTTLS, required), `smtps://…:465` (TLS) or `smtp+plain://…:25` (neither, for a server on this machine or net).",
  }),
  passwordFile: key(filePath(), "File with the password, instead of in the URL."),
  ca: key(filePath(), "PEM file with the authorities to trust instead of the system's."),
  from: address.meta({ description: "The sender." }),
  to: oneOrMore(address, { what: "an e-mail address or a list of them" }).meta({
    description: "Who is told.",
  }),
});

const taken = new Set([
  "content-type",
  "content-length",
  "transfer-encoding",
  "host",
  "connection",
  "idempotency-key",
  "x-tidegate-signature",
]);

/** Fields that go with what we send: their values are secret. */
export const webHeaders = z
  .record(z.string(), secret("a text"), { error: joinFault("must be a mapping of name to value") })
  .superRefine((all, context) => {
    for (const name of Object.keys(all)) {
      if (token.test(name) && !taken.has(name.toLowerCase())) continue;
      const why = token.test(name) ? "is set by Tidegate itself" : "is not the name of a field";
      context.addIssue({
        code: "custom",
        path: [name],
        message: `${JSON.stringify(name)} ${why}`,
      });
    }
  });

const webhook = secretMapping({
  url: webUrl("https://HOST/PATH", false).meta({
    description: "Where messages are posted, as JSON.",
  }),
  secret: key(secret("a text"), "Signs each message; see [alerts](alerts.md)."),
  secretFile: key(filePath(), "File with the secret, instead of `secret`."),
  headers: key(webHeaders, "Further header fields to send."),
});

const ntfy = secretMapping({
  url: webUrl("https://ntfy.sh/TOPIC", true).meta({
    description: "Of the topic: `https://ntfy.sh/TOPIC`, or on a server of one's own.",
  }),
  token: key(secret("a text"), "Access token, for topics that are not for everybody."),
  tokenFile: key(filePath(), "File with the token, instead of `token`."),
});

const topic = z.enum(alertTopics);

const topics = list(topic, {
  what: "a list of topics",
  remedy: `of ${alertTopics.join(", ")}`,
});

const timeOfDay = parsed(
  { what: "a time of the day", remedy: 'write "22:00"' },
  (value, refuse) => {
    const [, hour = "", minute = ""] = /^(\d{1,2}):(\d{2})$/.exec(value) ?? [];
    const isTime = hour !== "" && Number(hour) < 24 && Number(minute) < 60;
    if (!isTime)
      return refuse(`${JSON.stringify(value)} is not a time of the day`, 'write "22:00"');
    return Number(hour) * 60 + Number(minute);
  },
).meta({ title: "time of day" });

const quiet = mapping({
  from: timeOfDay.meta({ description: "When they begin, by the clock of the machine." }),
  to: timeOfDay.meta({ description: "When they end; before `from`: on the next day." }),
  except: key(topics, "Topics that are told of all the same.", "[]"),
});

const errors = mapping({
  ratio: shareKey("Share of failed answers of a service above which somebody is told.", 0.05),
  window: durationKey("Over which time.", defaultErrorAlert.window, 10_000),
  minRequests: key(
    integer(1, 1_000_000_000),
    "With fewer requests in that time nobody is told.",
    defaultErrorAlert.minRequests,
  ),
});

export const alerts = secretMapping({
  email: key(channels(email), "Sends e-mail. One, or a list of them."),
  webhook: key(channels(webhook), "Posts JSON. One, or a list of them."),
  ntfy: key(channels(ntfy), "Publishes to a topic of ntfy. One, or a list of them."),
  topics: key(topics, "What to tell of.", alertTopics.join(", ")),
  group: durationKey("What happens within so long goes out together.", defaultAlerts.group),
  repeat: durationKey("What lasts is told again after so long; 0 = never.", defaultAlerts.repeat),
  maxPerHour: key(
    integer(0, 1000),
    "Messages in an hour; the rest is gathered in one. 0 = no limit.",
    defaultAlerts.maxPerHour,
  ),
  quiet: key(quiet, "Hours in which nothing is sent; a summary follows."),
  errors: key(errors, "When too many requests of a service fail."),
});

export type AlertsInput = z.output<typeof alerts>;
export type EmailInput = z.output<typeof email>;
export type WebhookInput = z.output<typeof webhook>;
export type NtfyInput = z.output<typeof ntfy>;
