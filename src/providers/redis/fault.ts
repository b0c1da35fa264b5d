// What went wrong with a Redis, as a sentence. It never holds a password, which old servers repeat in their
// answers (`unknown command HELLO, with args beginning with: …`).

import { redisLimits as limits } from "../../config/provider-limits.ts";
import type { RedisServer } from "../../config/source-settings.ts";

export type RedisPlace = Extract<RedisServer["place"], { kind: "tcp" | "unix" }>;

export interface FaultContext {
  readonly place: RedisPlace;
  readonly password: string | undefined;
}

export class RedisFault extends Error {
  /** First word of an answer (`WRONGTYPE`, `MOVED`), or the code of a failed connection. */
  readonly code: string;
  /** Redis answered so; the connection is good. */
  readonly isAnswer: boolean;
  /** The answer itself. */
  readonly answer: string;

  constructor(sentence: string, code: string, answer?: string) {
    super(sentence);
    this.name = "RedisFault";
    this.code = code;
    this.isAnswer = answer !== undefined;
    this.answer = answer ?? "";
  }
}

export function shownPlace(place: RedisPlace): string {
  if (place.kind === "unix") return place.path;
  return `${place.host.includes(":") ? `[${place.host}]` : place.host}:${place.port}`;
}

export function faultOf(error: unknown, context: FaultContext): RedisFault {
  if (error instanceof RedisFault) return error;
  const who = `Redis at ${shownPlace(context.place)}`;
  const raw = error instanceof Error ? error.message : String(error);
  const text = cleaned(raw, context.password);
  const { code, name } = namesOf(error);
  const [, word = ""] = /^-?([A-Z][A-Z0-9]+)\b/.exec(text) ?? [];
  if (code === "" && isReply(name) && word !== "") {
    return new RedisFault(`${who} ${saidBy(word, text)}`, word, text);
  }
  return new RedisFault(`${who} ${brokenBy(code, name, text)}`, code === "" ? name : code);
}

function isReply(name: string): boolean {
  return ["SimpleError", "BlobError", "ErrorReply", "MultiErrorReply", "Error"].includes(name);
}

const told: Readonly<Record<string, string>> = {
  WRONGPASS: "refuses the user or the password",
  NOAUTH: "wants a password; add passwordFile",
  LOADING: "is still loading its data",
  MASTERDOWN: "is a replica that has lost its master",
};

function saidBy(word: string, text: string): string {
  const known = Object.hasOwn(told, word) ? told[word] : undefined;
  if (known !== undefined) return known;
  if (word === "NOPERM") return `does not let this user do what is needed: ${text}`;
  return `says: ${text}`;
}

/** Of the library: the connection ended under a question, or before it. */
const closed = [
  "SocketClosedUnexpectedlyError",
  "ClientClosedError",
  "ClientOfflineError",
  "DisconnectsClientError",
];

function brokenBy(code: string, name: string, text: string): string {
  switch (code) {
    case "ECONNREFUSED":
      return "does not accept connections; is it running?";
    case "ENOENT":
      return "has no socket there; is it running?";
    case "EACCES":
      return "may not be asked: we have no right to its socket";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "has a name that cannot be looked up";
    case "ETIMEDOUT":
      return "cannot be reached in time";
    case "ECONNRESET":
    case "EPIPE":
      return "closed the connection";
    default:
  }
  if (name === "ConnectionTimeoutError") return "cannot be reached in time";
  if (closed.includes(name)) return "closed the connection";
  if (/CERT|SIGNATURE|ISSUER|ALTNAME/.test(code)) {
    return `has a certificate that is not trusted: ${text}; name its authority by tls.ca`;
  }
  if (code.startsWith("ERR_SSL") || code === "EPROTO") return "does not speak TLS as we do";
  return `cannot be asked: ${text === "" ? name : text}`;
}

function namesOf(error: unknown): { readonly code: string; readonly name: string } {
  if (!(error instanceof Error)) return { code: "", name: "" };
  const code: unknown = Reflect.get(error, "code");
  return { code: typeof code === "string" ? code : "", name: error.constructor.name };
}

function cleaned(text: string, password: string | undefined): string {
  const censored =
    password === undefined || password === "" ? text : text.replaceAll(password, "…");
  // What an old server repeats of a command that it does not know.
  const plain = censored.replace(/,? with args beginning with:.*$/s, "");
  return plain
    .replaceAll(/\p{Cc}+/gu, " ")
    .trim()
    .slice(0, limits.faultText);
}
