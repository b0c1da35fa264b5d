// A message as JSON to a URL. The signature covers the time, too: who records a request cannot send it again
// much later. docs/reference/alerts.md is what receivers are written by.

import { createHmac } from "node:crypto";
import type { AlertChannel } from "../config/alert-settings.ts";
import type { Delivery, SendOptions, Sender } from "./delivery.ts";
import type { Item, Message } from "./message.ts";
import { post } from "./post.ts";

type WebhookChannel = Extract<AlertChannel, { kind: "webhook" }>;

export function sendWebhook(
  channel: WebhookChannel,
  message: Message,
  { sender, signal }: SendOptions,
): Promise<Delivery> {
  const body = JSON.stringify(payloadOf(message, sender));
  const headers = {
    ...channel.headers,
    "Content-Type": "application/json",
    // Of the message, not of the try: receivers know by it what they have had.
    "Idempotency-Key": message.id,
    ...(channel.secret === undefined ? {} : signatureOf(channel.secret, body)),
  };
  return post({ url: channel.url, headers, body, signal });
}

function signatureOf(secret: string, body: string): Record<string, string> {
  // When it is sent, not when it happened, or a message that waited would be taken for a recorded one.
  const seconds = Math.floor(Date.now() / 1000);
  const digest = createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex");
  return { "X-Tidegate-Signature": `t=${seconds},v1=${digest}` };
}

function payloadOf({ id, at, kind, title, text, items }: Message, { hostName, version }: Sender) {
  return {
    id,
    kind,
    time: new Date(at).toISOString(),
    host: hostName,
    version,
    title,
    text,
    alerts: items.map(alertPayload),
  };
}

function alertPayload({ topic, key, state, title, text, at, since, changes }: Item) {
  const time = new Date(at).toISOString();
  const from = since === undefined ? null : new Date(since).toISOString();
  return { topic, key, state, title, text, time, since: from, changes };
}
