// A client that asks over TLS, a new connection each time unless told otherwise, and says what it was shown.

import { once } from "node:events";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { trustedRoot } from "./issued.ts";

export interface TlsAnswer {
  /** 0 = there was none. */
  readonly status: number;
  /** Subject alternative names of the certificate, as Node writes them. */
  readonly names: string;
  readonly issuer: string;
  readonly isTrusted: boolean;
  readonly isResumed: boolean;
  /** To resume with; undefined = none was given. */
  readonly session: Buffer | undefined;
}

export interface TlsQuestion extends ConnectionOptions {
  /** Requests on the one connection. */
  readonly requests?: number;
}

const wait = 10_000;

/** Throws when there is no handshake, or no whole answer. */
export async function askTls(
  port: number,
  host: string,
  { requests = 1, ...options }: TlsQuestion = {},
): Promise<TlsAnswer> {
  const socket = connect({
    ...{ host: "127.0.0.1", port, servername: host, ca: trustedRoot, rejectUnauthorized: false },
    ...options,
  });
  const signal = AbortSignal.timeout(wait);
  try {
    let session: Buffer | undefined;
    socket.on("session", (given) => (session = given));
    await once(socket, "secureConnect", { signal });
    const { subjectaltname = "", issuer } = socket.getPeerCertificate();
    let status = 0;
    for (let left = requests; left > 0; left--) status = await exchange(socket, host, signal);
    return {
      ...{ status, session, names: subjectaltname, issuer: String(issuer?.CN ?? "") },
      ...{ isTrusted: socket.authorized, isResumed: socket.isSessionReused() },
    };
  } finally {
    socket.destroy();
  }
}

async function exchange(socket: TLSSocket, host: string, signal: AbortSignal): Promise<number> {
  socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  let text = "";
  for (;;) {
    const [bytes] = (await once(socket, "data", { signal })) as [Buffer];
    text += bytes.toString("latin1");
    const end = text.indexOf("\r\n\r\n");
    if (end === -1) continue;
    const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? Number.NaN);
    if (Number.isNaN(length)) throw new Error(`an answer without a length: ${text}`);
    if (text.length >= end + 4 + length) return Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]);
  }
}
