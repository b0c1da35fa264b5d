// A PostgreSQL server that asks for a login, or lets us in, is good. Only the start of a session shows that
// it is still starting up, recovering or full: the negotiation of TLS is answered at any time. TLS is used
// where the server has it, because a server that insists on it logs everybody who comes without.
//
// The session is begun as `postgres` on the database of that name, which nearly every server has: then no
// way of ending it here leaves a line in the server's log. No password is ever sent.
//
// Messages are a letter and a length (4 bytes, that counts itself) with its bytes; our first ones, and the
// single letter that answers the question for TLS, have no letter or no length.

import type { Attempt } from "./attempt.ts";
import { quote } from "../lib/quote.ts";
import { Conversation } from "./conversation.ts";

const sslRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);
const terminate = Buffer.from([0x58, 0, 0, 0, 4]);
const nothing = new Uint8Array();
/** Authentication requests are short, and errors a few sentences. */
const longestMessage = 30_000;

/** A wrong user, password or database of ours says that it works: 28… and 3D000. */
const isOurFault = (state: string) => state.startsWith("28") || state.startsWith("3D");

export function probePostgres(attempt: Attempt): void {
  let isAsked = attempt.target.backend.secure;
  void new Conversation(attempt, ["postgresql"], {
    onOpen(conversation) {
      attempt.waitsFor = "answer";
      conversation.write(isAsked ? startup() : sslRequest);
    },
    onBytes(received, conversation) {
      if (isAsked) return onMessage(received, conversation);
      isAsked = true;
      const letter = String.fromCharCode(received[0] ?? 0);
      // More than one byte now would be from somebody who wants it taken for a part of the TLS session.
      if (received.length > 1 || (letter !== "S" && letter !== "N")) {
        return attempt.bad("answered what is not PostgreSQL");
      }
      conversation.drop(1);
      const begin = () => {
        attempt.waitsFor = "answer";
        conversation.write(startup());
      };
      if (letter === "S") conversation.secure(begin);
      else begin();
    },
  });
}

function onMessage(received: Buffer, conversation: Conversation): void {
  const { attempt } = conversation;
  const letter = String.fromCharCode(received[0] ?? 0);
  if (letter !== "R" && letter !== "E" && letter !== "v") {
    return attempt.bad("answered what is not PostgreSQL");
  }
  if (received.length < 5) return;
  const length = received.readUInt32BE(1);
  if (length < 8 || length > longestMessage) return attempt.bad("answered what is not PostgreSQL");
  if (received.length < 1 + length) return;
  if (letter === "v") {
    // It speaks an older minor version; what matters comes next.
    conversation.drop(1 + length);
    return onMessage(received.subarray(1 + length), conversation);
  }
  if (letter === "R") {
    const isIn = received.readUInt32BE(5) === 0;
    return conversation.leave(isIn ? "accepted" : "asked for a login", isIn ? terminate : nothing);
  }
  const { state, text } = errorIn(received.subarray(5, 1 + length));
  if (isOurFault(state)) return conversation.leave(`asked for another login (${state})`, nothing);
  attempt.bad(`refuses connections: ${text} (${state})`);
}

function startup(): Buffer {
  const words = ["user", "postgres", "database", "postgres", "application_name", "tidegate-check"];
  const body = Buffer.from(`${words.join("\0")}\0\0`, "latin1");
  const head = Buffer.alloc(8);
  head.writeUInt32BE(head.length + body.length, 0);
  head.writeUInt32BE(0x0003_0000, 4); // version 3.0
  return Buffer.concat([head, body]);
}

/** Fields of an error: a letter and a text each, with a NUL behind. */
function errorIn(fields: Buffer): { readonly state: string; readonly text: string } {
  const all = fields.toString("utf8").split("\0");
  const field = (letter: string) => all.find((each) => each.startsWith(letter))?.slice(1);
  return {
    state: quote(field("C") ?? "no code"),
    text: quote(field("M") ?? "") || "no reason given",
  };
}
