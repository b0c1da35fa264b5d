// A real SMTP server on a free port, with STARTTLS or TLS and a password, that keeps what it is sent. It can
// be stopped and started again at the same port, and told to refuse.

import { once } from "node:events";
import { type AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";
import type { SMTPServerOptions } from "smtp-server";
import { certificates } from "./certificates.ts";
import { eventually } from "./barrier.ts";

export const mailUser = "tidegate";
export const mailPassword = "open sesame+=/%";

export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  /** Over TLS. */
  readonly isSecure: boolean;
  readonly user: string | undefined;
  readonly raw: string;
}

export interface MailServer extends AsyncDisposable {
  readonly port: number;
  readonly ca: string;
  readonly mails: readonly Mail[];
  /** Until so many mails are here; fails after 10 s. */
  arrived(count: number): Promise<readonly Mail[]>;
  stop(): Promise<void>;
  start(): Promise<void>;
}

export interface MailServerOptions {
  /** By default STARTTLS is offered. */
  readonly tls?: "starttls" | "tls" | "none";
  /** Whoever has no password may send, too. */
  readonly isOpen?: boolean;
  /** It knows no passwords at all, and says so. */
  readonly hasNoAuth?: boolean;
  /** By default the machine's own names are in the certificate. */
  readonly names?: readonly string[];
  /** The code with which this mail is refused. */
  readonly refuse?: (raw: string) => number | undefined;
}

export async function mailServer(options: MailServerOptions = {}): Promise<MailServer> {
  const { tls = "starttls", names = [] } = options;
  const { ca, key, cert } = await certificates(...names);
  const mails: Mail[] = [];
  const settings = settingsOf(options, mails, { key, cert });
  let port = 0;
  let server: SMTPServer | undefined;

  const start = async () => {
    server = new SMTPServer({ ...settings, secure: tls === "tls" });
    // A client that hangs up, or does not trust the certificate, is the test's business.
    server.on("error", () => undefined);
    server.listen(port, "127.0.0.1");
    await once(server.server, "listening");
    port = (server.server.address() as AddressInfo).port;
  };
  const stop = async () => {
    const closing = server;
    server = undefined;
    if (closing !== undefined) await new Promise<void>((resolve) => closing.close(() => resolve()));
  };

  await start();
  return {
    get port() {
      return port;
    },
    ca,
    mails,
    arrived: (count) =>
      eventually(`${count} mails`, () => (mails.length >= count ? mails : undefined), 10_000),
    start,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function settingsOf(
  {
    tls = "starttls",
    isOpen = false,
    hasNoAuth = false,
    refuse = () => undefined,
  }: MailServerOptions,
  mails: Mail[],
  pair: { key: string; cert: string },
): SMTPServerOptions {
  return {
    ...pair,
    banner: "test",
    // Who is still connected when it stops is cut off.
    closeTimeout: 50,
    disableReverseLookup: true,
    authOptional: isOpen,
    disabledCommands: [...(tls === "starttls" ? [] : ["STARTTLS"]), ...(hasNoAuth ? ["AUTH"] : [])],
    // A password without TLS is for tests of `smtp+plain` alone.
    allowInsecureAuth: tls === "none",
    onAuth({ username, password }, _session, done) {
      if (username === mailUser && password === mailPassword) done(null, { user: username });
      // As careless servers do: the answer repeats what was sent.
      else done(new Error(`no such pair: ${username} ${password}`));
    },
    onData(stream, session, done) {
      const parts: Buffer[] = [];
      stream.on("data", (part: Buffer) => parts.push(part));
      stream.on("end", () => {
        const raw = Buffer.concat(parts).toString("utf8");
        const code = refuse(raw);
        if (code !== undefined) {
          done(Object.assign(new Error("not this one"), { responseCode: code }));
          return;
        }
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({
          from: mailFrom === false ? "" : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          isSecure: session.secure,
          user: session.user,
          raw,
        });
        done();
      });
    },
  };
}
