// Brings one message to one channel, and says what came of it. Never throws, and always ends in time.

import type { AlertChannel } from "../config/alert-settings.ts";
import { sendEmail } from "./email.ts";
import type { Message } from "./message.ts";
import { sendNtfy } from "./ntfy.ts";
import { redact } from "./redact.ts";
import { sendWebhook } from "./webhook.ts";

/** What the other side said to it; without secrets, for people. */
export type Delivery =
  | { readonly kind: "taken"; readonly text: string }
  /** It does not want this message. Others may do better. */
  | { readonly kind: "refused"; readonly text: string }
  /** It could not be reached, or cannot take anything now. */
  | { readonly kind: "failed"; readonly text: string };

/** Who sends, for the receivers. */
export interface Sender {
  readonly hostName: string;
  readonly version: string;
}

export type Send = (
  channel: AlertChannel,
  message: Message,
  signal: AbortSignal,
) => Promise<Delivery>;

/** For all of it, whatever the other side does in between. */
const longestDelivery = 60_000;

export function sendAs(sender: Sender): Send {
  return async (channel, message, stop) => {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(longestDelivery)]);
    const { kind, text } = await sendBy(channel, message, { sender, signal });
    return { kind, text: redact(text, channel) };
  };
}

async function sendBy(
  channel: AlertChannel,
  message: Message,
  { sender, signal }: { sender: Sender; signal: AbortSignal },
): Promise<Delivery> {
  try {
    switch (channel.kind) {
      case "email":
        return await sendEmail(channel, message, { sender, signal });
      case "webhook":
        return await sendWebhook(channel, message, { sender, signal });
      case "ntfy":
        return await sendNtfy(channel, message, { sender, signal });
    }
  } catch (error) {
    return { kind: "failed", text: error instanceof Error ? error.message : String(error) };
  }
}

/** What each channel gets besides channel and message. */
export interface SendOptions {
  readonly sender: Sender;
  readonly signal: AbortSignal;
}
