// Ends a client's TLS here: its turn among all handshakes of the process is awaited, and what it is shown is chosen as for requests.

import type { Turnstile } from "../lib/turnstile.ts";
import { Alert, type AlertCode, type Chooser } from "../tls/chooser.ts";
import type { ClientHello } from "../tls/client-hello.ts";
import type { ClientSide } from "./client-side.ts";
import type { Termination } from "./stream-table.ts";

/** What is the same for all connections of a listener. */
export interface StreamEndings {
  readonly handshakes: Turnstile;
  readonly chooser: Chooser;
}

export interface TlsEnding {
  readonly endings: StreamEndings;
  readonly termination: Termination;
  readonly client: ClientSide;
  readonly hello: ClientHello;
  /** What the client has sent so far: it is TLS already. */
  readonly received: Buffer;
  /** Nobody waits for it any more. */
  isOver(): boolean;
  /** Called at most once. @param why a sentence about the client, or about us */
  refuse(alert: AlertCode, why: string): void;
}

export function endTls(ending: TlsEnding): void {
  const { endings, client } = ending;
  let hasBegun = false;
  const isIn = endings.handshakes.pass(() => {
    hasBegun = true;
    if (!ending.isOver()) begin(ending);
  });
  if (!isIn) ending.refuse(Alert.INTERNAL_ERROR, "too many handshakes wait");
  // Nothing more is read until it is its turn.
  else if (!hasBegun) client.pause();
}

function begin({ endings, termination, client, hello, received, refuse }: TlsEnding): void {
  try {
    const shown = endings.chooser.chooseForStream(hello, termination.own);
    if ("alert" in shown) {
      refuse(shown.alert, shown.why);
      return;
    }
    client.startTls({ shown, received, wanted: termination.protocols, offered: hello.protocols });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    refuse(Alert.INTERNAL_ERROR, `its certificate cannot be shown: ${why}`);
  }
}
