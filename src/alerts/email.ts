// A message as e-mail. The connection is opened here and not by nodemailer, which would ask the DNS servers
// past /etc/hosts and the other sources of the system; TLS, the dialogue and MIME are nodemailer's.

import { connect } from "node:net";
import type { Socket } from "node:net";
import type { AlertChannel } from "../config/alert-settings.ts";
import { oneLine } from "./alert.ts";
import type { Delivery, SendOptions, Sender } from "./delivery.ts";
import type { Message } from "./message.ts";

type EmailChannel = Extract<AlertChannel, { kind: "email" }>;

// Mail servers make strangers wait before they greet (usually up to 10 s), and look at a message while we
// wait for their answer; the whole has its own end besides.
const connectTimeout = 10_000;
const greetingTimeout = 20_000;
const silenceTimeout = 30_000;

export async function sendEmail(
  channel: EmailChannel,
  message: Message,
  { sender, signal }: SendOptions,
): Promise<Delivery> {
  // Some MiB of memory, which only those pay who have e-mail alerts.
  const { createTransport } = await import("nodemailer");
  let connection: Socket | undefined;
  try {
    connection = await connected(channel, signal);
    const transport = createTransport({ ...transportOptions(channel), connection });
    const info = await transport.sendMail({ ...mailOf(channel, message, sender), signal });
    const refused = info.rejected.length;
    const partly =
      refused === 0 ? "" : `, but refused ${refused} of ${channel.to.length} receivers`;
    return { kind: "taken", text: `${channel.host} took it${partly}` };
  } catch (error) {
    return failureOf(channel, error, signal);
  } finally {
    connection?.destroy();
  }
}

function connected({ host, port }: EmailChannel, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal });
    const timer = setTimeout(
      () => socket.destroy(new Error(`no connection within ${connectTimeout / 1000} s`)),
      connectTimeout,
    );
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.off("error", reject);
      resolve(socket);
    });
    socket.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    // An abort may come between two listeners of nodemailer, and must not end the process.
    socket.on("error", () => undefined);
  });
}

function transportOptions(channel: EmailChannel) {
  const { host, port, security, ca, user, password } = channel;
  return {
    host,
    port,
    secure: security === "tls",
    // Required, not tried: somebody in between could take the offer out of the greeting.
    requireTLS: security === "starttls",
    ignoreTLS: security === "none",
    tls: { rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) },
    // Also when the server does not offer it: rather an error than a mail from nobody.
    ...(user === undefined ? {} : { auth: { user, pass: password ?? "" }, forceAuth: true }),
    connectionTimeout: connectTimeout,
    greetingTimeout,
    socketTimeout: silenceTimeout,
    maxResponseSize: 64 * 1024,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

function mailOf({ from, to }: EmailChannel, message: Message, { hostName, version }: Sender) {
  const { id, at, title, text } = message;
  const host = oneLine(hostName, 64);
  return {
    from: { name: "", address: from },
    to: to.map((address) => ({ name: "", address })),
    subject: oneLine(`[tidegate ${host}] ${title}`, 200),
    text: `${text}\n\n-- \nTidegate ${version} on ${host}\n`,
    // The same for each try, so that receivers show one mail where delivery was done twice.
    messageId: `<${id}@${host.replace(/[^\w.-]/g, "-")}>`,
    date: new Date(at),
    // RFC 3834: no holiday note answers this.
    headers: { "Auto-Submitted": "auto-generated" },
  };
}

function failureOf({ host, port }: EmailChannel, error: unknown, signal: AbortSignal): Delivery {
  const where = `${host}:${port}`;
  if (signal.aborted) return { kind: "failed", text: `${where} took too long` };
  const why = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EAUTH" || code === "ENOAUTH") {
    return { kind: "failed", text: `${where} does not accept user and password: ${why}` };
  }
  const answer = error instanceof Error && "responseCode" in error ? error.responseCode : undefined;
  // 5xx to the message itself, or to its receivers. To anything else it is about the connection.
  const isAboutMessage = code === "EENVELOPE" || code === "EMESSAGE";
  const isRefusal = isAboutMessage && typeof answer === "number" && answer >= 500;
  return { kind: isRefusal ? "refused" : "failed", text: `${where}: ${why}` };
}
