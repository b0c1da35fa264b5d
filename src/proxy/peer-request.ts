// How one worker asks another for an answer to share: the client's request as its middlewares left it, and beside it what
// the head of a request does not say. Both ends are of the same program and have the same snapshot, or nothing comes of it.

import type { Exchange, ExchangeOrigin } from "../http/exchange.ts";
import { isRecord, textAt } from "../lib/json.ts";
import { linesWithout } from "./fetch.ts";
import { peerField } from "./peer-answer.ts";
import type { Plan } from "./plan.ts";

/** What would be about this connection, or about a part of the answer. */
const dropped = [
  ...["range", "if-range", "if-match", "if-none-match", "if-modified-since"],
  ...["if-unmodified-since", "expect", "upgrade", "connection", "content-length", "te"],
  ...["transfer-encoding", "keep-alive", "host", peerField],
];

/** What is known of the client beside its request. */
export interface PeerQuestion {
  /** Of the snapshot. */
  readonly version: number;
  readonly route: string;
  readonly path: string;
  readonly mount: string;
  readonly clientIp: string;
  readonly user: string;
  readonly listener: string;
  readonly peerIp: string;
  readonly isSecure: boolean;
  readonly localPort: number;
  /** Field lines that middlewares added. */
  readonly added: string;
}

/** The head that asks; undefined = it cannot be asked for. */
export function peerRequestText(
  exchange: Exchange<Plan>,
  plan: Plan,
  version: number,
): string | undefined {
  const { request, origin, path, mount, clientIp, user } = exchange;
  const { added } = request.fields;
  const all = request.fields.serialise();
  const lines = linesWithout(all.slice(0, all.length - added.length), dropped);
  if (lines === undefined) return undefined;
  const { listener, peerIp, isSecure, localPort } = origin;
  const question: PeerQuestion = {
    ...{ version, route: plan.name, path, mount, clientIp, user },
    ...{ listener, peerIp, isSecure, localPort, added },
  };
  const said = Buffer.from(JSON.stringify(question)).toString("base64url");
  const target = request.hasQuery ? `${request.rawPath}?${request.query}` : request.rawPath;
  return (
    `${exchange.method} ${target} HTTP/1.1\r\nHost: ${request.host}\r\n` +
    `${lines}${peerField}: ${said}\r\n\r\n`
  );
}

/** Takes it out of the request; undefined = it is not one that we can answer. */
export function takeQuestion(exchange: Exchange<Plan>): PeerQuestion | undefined {
  const { fields } = exchange.request;
  const said = fields.get(peerField) ?? "";
  fields.dropNamed(peerField);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(said, "base64url").toString());
  } catch {
    return undefined;
  }
  if (!isRecord(value)) return undefined;
  const { version, isSecure, localPort } = value;
  if (typeof version !== "number" || typeof localPort !== "number") return undefined;
  return {
    ...{ version, localPort, isSecure: isSecure === true },
    route: textAt(value, "route"),
    path: textAt(value, "path"),
    mount: textAt(value, "mount"),
    clientIp: textAt(value, "clientIp"),
    user: textAt(value, "user"),
    listener: textAt(value, "listener"),
    peerIp: textAt(value, "peerIp"),
    added: textAt(value, "added"),
  };
}

/** Of a connection between workers, which carries one exchange: says what the client's connection would. */
export class PeerOrigin implements ExchangeOrigin {
  listener = "";
  peerIp = "";
  isSecure = false;
  readonly tls = undefined;
  localPort = 0;
  version = -1;
  isPeerTrusted = false;
  forwardedLines = "";

  take({ listener, peerIp, isSecure, localPort }: PeerQuestion): void {
    this.listener = listener;
    this.peerIp = peerIp;
    this.isSecure = isSecure;
    this.localPort = localPort;
  }
}
