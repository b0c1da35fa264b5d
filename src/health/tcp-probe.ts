// The backend accepts a connection (with TLS, where it has that); and, where the check says so, answers a
// text with a text.

import type { ProbeSettings } from "../config/service.ts";
import type { Attempt } from "./attempt.ts";
import { quote } from "../lib/quote.ts";
import { Conversation } from "./conversation.ts";

export function probeTcp(
  attempt: Attempt,
  { send, expect }: Extract<ProbeSettings, { kind: "tcp" }>,
): void {
  const wanted = expect === undefined ? undefined : Buffer.from(expect);
  const nothing = new Uint8Array();
  let searched = 0;
  void new Conversation(attempt, [], {
    onOpen(conversation) {
      if (wanted === undefined) {
        if (send !== undefined) conversation.write(send);
        return conversation.leave(send === undefined ? "connected" : "sent", nothing);
      }
      attempt.waitsFor = `answer with ${JSON.stringify(quote(expect ?? ""))}`;
      if (send !== undefined) conversation.write(send);
    },
    onBytes(received, conversation) {
      if (wanted === undefined) return;
      // From where a part of it could stand: not all again for each byte.
      if (received.indexOf(wanted, Math.max(0, searched - wanted.length)) === -1) {
        searched = received.length;
        return;
      }
      conversation.leave("answered", nothing);
    },
  });
}
