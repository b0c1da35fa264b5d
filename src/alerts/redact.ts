// Takes secrets out of what others say about our requests: servers quote what they were sent, and errors
// quote what they were given. Every text that comes from delivering passes through here.

import type { AlertChannel } from "../config/alert-settings.ts";
import { oneLine } from "./alert.ts";

const hidden = "(secret)";

/** What to look for below this length would hide ordinary words. */
const shortest = 3;
const longest = 300;

/** A sentence about a channel, fit for log, console and message. */
export function redact(text: string, channel: AlertChannel): string {
  let plain = text;
  for (const secret of secretsOf(channel)) plain = plain.replaceAll(secret, hidden);
  return oneLine(withoutUser(plain), longest);
}

/** `https://user:password@host` without what stands before the `@`. */
export function withoutUser(text: string): string {
  return text.replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@]*(?:@[^\s/?#@]*)*@/gi, "$1");
}

function secretsOf(channel: AlertChannel): string[] {
  const plain = plainSecretsOf(channel).filter((each) => each.length >= shortest);
  const all = new Set<string>();
  for (const secret of plain) {
    all.add(secret);
    all.add(encodeURIComponent(secret));
    all.add(Buffer.from(secret).toString("base64"));
  }
  // What is part of another one goes later, or the rest of the other stays to be seen.
  return [...all].sort((a, b) => b.length - a.length);
}

function plainSecretsOf(channel: AlertChannel): string[] {
  switch (channel.kind) {
    case "email": {
      const { user = "", password = "" } = channel;
      // The second one is what AUTH PLAIN sends.
      return [password, password === "" ? "" : `\0${user}\0${password}`];
    }
    case "webhook":
      return [channel.secret ?? "", ...Object.values(channel.headers), ...partsOf(channel.url)];
    case "ntfy":
      return [channel.token ?? "", ...partsOf(channel.url)];
  }
}

/** The path of a webhook, and the topic of ntfy, is all that one needs to know to send there. */
function partsOf(url: string): string[] {
  const { pathname, search, username, password } = new URL(url);
  // As it was written, and as the `Authorization` field made of it says it.
  const basic = Buffer.from(`${plainPart(username)}:${plainPart(password)}`).toString("base64");
  const parts = [pathname.slice(1), search.slice(1), username, password, plainPart(password)];
  return [url, ...parts, password === "" ? "" : basic];
}

/** Of the user and password in a URL: without its percent signs, where they mean something. */
export function plainPart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a percent sign that stands for itself
  }
}

/** Where a channel goes, without what is secret about it. */
export function whereOf(channel: AlertChannel): string {
  return channel.kind === "email" ? `${channel.host}:${channel.port}` : new URL(channel.url).host;
}
