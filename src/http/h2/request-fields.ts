// The field section that begins a stream becomes the head of a request (RFC 9113 section 8.3.1): written as HTTP/1 writes it, and
// read by the same code as any other, which is how everything behind it can stay as it is. Hot: bench/h2-session.ts

import { isToken } from "../characters.ts";
import type { FailureCode } from "../errors.ts";
import { Field } from "../fields.ts";
import { CHUNKED } from "../framing.ts";
import type { HeadLimits, RequestHead } from "../request-head.ts";
import { newWebSocketKey } from "../websocket.ts";
import { isValue, readLines } from "./field-lines.ts";
import type { FieldSection } from "./field-section.ts";

/** A request line that makes no sense is logged up to here, characters. */
const maxLoggedPart = 512;

/** Logged for what did not come. */
const none = "-";

/** What came in pseudo-fields; undefined = it did not come. */
interface Pseudo {
  method: string | undefined;
  scheme: string | undefined;
  authority: string | undefined;
  path: string | undefined;
  protocol: string | undefined;
}

/** Of the section that is being read. */
const pseudo: Pseudo = {
  ...{ method: undefined, scheme: undefined, authority: undefined },
  ...{ path: undefined, protocol: undefined },
};

/**
 * Reads a request. An extended CONNECT (RFC 8441) becomes what HTTP/1 asks for a WebSocket with, under a key of ours.
 * @param isEnded no body follows
 * @returns what is wrong, if anything
 */
export function readRequest(
  head: RequestHead,
  section: FieldSection,
  isEnded: boolean,
  limits: HeadLimits,
): FailureCode | undefined {
  const at = readPseudo(section);
  const line = `${shown(pseudo.method)} ${shown(pseudo.path ?? pseudo.authority)} HTTP/2.0`;
  let wrong: FailureCode | undefined = section.isTooLarge ? "HEAD_TOO_LARGE" : faultOf(at);
  if (wrong === undefined && isHostContradicted(section, at)) wrong = "BAD_HOST";
  if (wrong === undefined) {
    const text = textOf(section, at);
    if (text === undefined) wrong = "BAD_HEADER";
    else {
      wrong = head.read(text, 0, text.length, limits) ?? readBody(head, isEnded);
      head.line = line;
      head.protocol = "HTTP/2.0";
      return wrong;
    }
  }
  head.clear(line);
  head.protocol = "HTTP/2.0";
  return wrong;
}

/** Returns where the other fields begin, -1 when one of these is unknown or came twice. */
function readPseudo({ count, names, values }: FieldSection): number {
  pseudo.method = pseudo.scheme = pseudo.authority = undefined;
  pseudo.path = pseudo.protocol = undefined;
  for (let index = 0; index < count; index++) {
    const name = names[index]!;
    if (name.charCodeAt(0) !== 58 /* : */) return index;
    const key = keyOf(name);
    if (key === undefined || pseudo[key] !== undefined) return -1;
    pseudo[key] = values[index]!;
  }
  return count;
}

function keyOf(name: string): keyof Pseudo | undefined {
  switch (name) {
    case ":method":
      return "method";
    case ":scheme":
      return "scheme";
    case ":authority":
      return "authority";
    case ":path":
      return "path";
    case ":protocol":
      return "protocol";
    default:
      return undefined;
  }
}

/** What is wrong with the pseudo-fields, as far as HTTP/1 has no place for it. */
function faultOf(at: number): FailureCode | undefined {
  const { method, scheme, authority, path, protocol } = pseudo;
  if (at < 0) return "BAD_HEADER";
  if (method === undefined || !isToken(method, 0, method.length)) return "BAD_METHOD";
  if (authority !== undefined && !isValue(authority)) return "BAD_HOST";
  if (method === "CONNECT" && protocol === undefined) {
    // RFC 9113 section 8.5.
    return scheme === undefined && path === undefined ? "METHOD_NOT_SUPPORTED" : "BAD_TARGET";
  }
  if (protocol !== undefined && method !== "CONNECT") return "BAD_METHOD";
  if (scheme === undefined || !/^https?$/i.test(scheme)) return "BAD_TARGET";
  if (path === undefined || !isValue(path)) return "BAD_TARGET";
  // An absolute form would be a second authority.
  if (path.charCodeAt(0) !== 47 /* / */ && path !== "*") return "BAD_TARGET";
  if (protocol !== undefined && protocol !== "websocket") return "METHOD_NOT_SUPPORTED";
  return undefined;
}

/** RFC 9113 section 8.3.1: both say the same, so one of them is enough. */
function isHostContradicted(section: FieldSection, at: number): boolean {
  const { authority } = pseudo;
  const host = authority === undefined ? undefined : take(section, at, "host");
  return host !== undefined && host.toLowerCase() !== authority!.toLowerCase();
}

/** The head as HTTP/1 has it; undefined = it is malformed. */
function textOf(section: FieldSection, at: number): string | undefined {
  const { method, authority, path, protocol } = pseudo;
  let head = `${protocol === undefined ? method! : "GET"} ${path!} HTTP/1.1\r\n`;
  if (authority !== undefined) head += `Host: ${authority}\r\n`;
  if (protocol !== undefined) {
    while (take(section, at, "sec-websocket-key") !== undefined) continue;
    const key = newWebSocketKey();
    head += `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ${key}\r\n`;
  }
  const lines = readLines(section, at, true);
  return lines === undefined ? undefined : `${head}${lines}\r\n`;
}

/** Takes the first field of that name out; undefined = there is none. */
function take(section: FieldSection, at: number, name: string): string | undefined {
  const index = section.names.indexOf(name, at);
  if (index < 0 || index >= section.count) return undefined;
  section.names.splice(index, 1);
  section.count--;
  return section.values.splice(index, 1)[0];
}

/** The frames say where a body ends, and it must be as long as the head says (RFC 9113 section 8.1.1). */
function readBody(head: RequestHead, isEnded: boolean): FailureCode | undefined {
  const isLengthSaid = head.fields.times(Field.CONTENT_LENGTH) > 0;
  if (head.isUpgrade) return isLengthSaid ? "BAD_LENGTH" : undefined;
  if (isEnded) return head.bodyLength === 0 ? undefined : "BAD_LENGTH";
  if (!isLengthSaid) head.bodyLength = CHUNKED;
  return undefined;
}

function shown(part: string | undefined): string {
  return part === undefined || part === "" ? none : part.slice(0, maxLoggedPart);
}
