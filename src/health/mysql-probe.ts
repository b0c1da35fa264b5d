// A MySQL or MariaDB server greets whoever connects; a greeting is good, an error ("Too many connections")
// is not. To close then would be the easy end, and a trap: the server counts each connection that ends
// between greeting and login, and shuts our address out after max_connect_errors of them (100), with all
// that clients do through us. So we log in, as a user who need not exist: being denied counts for nothing.
//
// Each packet is its length (3 bytes, little endian), its number, and so many bytes.

import type { Attempt } from "./attempt.ts";
import { quote } from "../lib/quote.ts";
import { Conversation } from "./conversation.ts";

export const checkUser = "tidegate-check";

const protocolVersion = 10;
const errorPacket = 0xff;
const okPacket = 0x00;
const switchPacket = 0xfe;
const nativePassword = "mysql_native_password";
// CLIENT_LONG_PASSWORD, _PROTOCOL_41, _SECURE_CONNECTION and _PLUGIN_AUTH.
const capabilities = 0x0001 | 0x0200 | 0x8000 | 0x8_0000;
const utf8 = 33;
const quit = Buffer.from([1, 0, 0, 0, 1]);
const nothing = new Uint8Array();

export function probeMysql(attempt: Attempt): void {
  let version: string | undefined;
  void new Conversation(attempt, [], {
    onOpen() {
      attempt.waitsFor = "greeting";
    },
    onBytes(received, conversation) {
      if (received.length < 4) return;
      const end = 4 + received.readUIntLE(0, 3);
      // Whatever else speaks first (SSH, SMTP) is a packet of some megabytes when read as one.
      if (end > received.byteLength && isForeign(received)) {
        return attempt.bad("answered what is no MySQL greeting");
      }
      if (received.length < end) return;
      const number = received[3] ?? 0;
      const payload = received.subarray(4, end);
      conversation.drop(end);
      if (version === undefined) {
        version = greet(payload, conversation);
        return;
      }
      onLoginAnswer(payload, number, version, conversation);
    },
  });
}

function isForeign(received: Buffer): boolean {
  const first = received[4];
  return received[3] !== 0 && first !== undefined && first !== protocolVersion;
}

/** Returns the server's version, once it greeted. */
function greet(payload: Buffer, conversation: Conversation): string | undefined {
  const { attempt } = conversation;
  if (payload[0] === errorPacket) {
    attempt.bad(`refuses connections: ${errorIn(payload)}`);
    return undefined;
  }
  const end = payload.indexOf(0, 1);
  if (payload[0] !== protocolVersion || end === -1) {
    attempt.bad("answered what is no MySQL greeting");
    return undefined;
  }
  attempt.waitsFor = "answer to the login";
  conversation.write(packet(1, login()));
  // MariaDB puts 5.5.5- in front of its version, for old replicas.
  return quote(payload.toString("latin1", 1, end).replace(/^5\.5\.5-/, ""));
}

function onLoginAnswer(
  payload: Buffer,
  number: number,
  version: string,
  conversation: Conversation,
): void {
  const name = payload.toString("latin1", 1).split("\0", 1)[0];
  if (payload[0] === switchPacket) {
    // It wants another proof of a password that we do not have: none, as that method writes it.
    const proof = name === nativePassword ? nothing : Buffer.from([0]);
    return conversation.write(packet(number + 1, proof));
  }
  // Denied, for whatever reason: then it closes by itself.
  conversation.leave(version, payload[0] === okPacket ? quit : nothing);
}

function login(): Buffer {
  const fixed = Buffer.alloc(32);
  fixed.writeUInt32LE(capabilities, 0);
  fixed.writeUInt32LE(1024, 4); // longest packet we take
  fixed[8] = utf8;
  const words = Buffer.from(`${checkUser}\0\0${nativePassword}\0`, "latin1");
  return Buffer.concat([fixed, words]);
}

function packet(number: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.writeUIntLE(payload.length, 0, 3);
  head[3] = number % 256;
  return Buffer.concat([head, payload]);
}

/** Before the login there is no SQL state in front of the text, except from some proxies. */
function errorIn(payload: Buffer): string {
  const code = payload.length < 3 ? 0 : payload.readUInt16LE(1);
  const text = payload.toString("utf8", 3).replace(/^#.{5}/s, "");
  return `${quote(text) || "no reason given"} (${code})`;
}
