// A message to a topic of an ntfy server (ntfy.sh, or one's own): text as the body, the rest in header fields.

import type { AlertChannel } from "../config/alert-settings.ts";
import { oneLine } from "./alert.ts";
import type { Delivery, SendOptions } from "./delivery.ts";
import type { Message } from "./message.ts";
import { post } from "./post.ts";

type NtfyChannel = Extract<AlertChannel, { kind: "ntfy" }>;

/** ntfy makes a file of what is longer than 4096 bytes, which telephones do not show. */
const mostBytes = 4000;

export function sendNtfy(
  { url, token }: NtfyChannel,
  message: Message,
  { sender, signal }: SendOptions,
): Promise<Delivery> {
  const headers = {
    "Content-Type": "text/plain; charset=utf-8",
    Title: encoded(oneLine(`${sender.hostName}: ${message.title}`, 200)),
    ...urgencyOf(message),
    ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
  };
  return post({ url, headers, body: cut(message.text), signal });
}

/** Header fields are ASCII; RFC 2047 is what ntfy reads for the rest. */
function encoded(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  return `=?UTF-8?B?${Buffer.from(text).toString("base64")}?=`;
}

function urgencyOf({ items }: Message): { Priority: string; Tags: string } {
  const raised = items.filter(({ state }) => state === "raised");
  if (raised.some(({ topic }) => topic === "service")) {
    return { Priority: "urgent", Tags: "rotating_light" };
  }
  if (raised.length > 0) return { Priority: "high", Tags: "warning" };
  const isAllWell = items.length > 0 && items.every(({ state }) => state === "cleared");
  return { Priority: "default", Tags: isAllWell ? "white_check_mark" : "information_source" };
}

function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= mostBytes) return text;
  // A character that was cut in two has become a replacement character.
  return `${bytes.toString("utf8", 0, mostBytes).replace(/\uFFFD+$/, "")}…`;
}
