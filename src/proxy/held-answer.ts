// For `compat.hipache`: an answer that failed because of a dead backend waits, at most `spreadWait`, until the other
// workers hear of it. Hipache wrote its mark before it answered, and whoever asks again must not meet the same backend
// in another worker. Everybody else's answers wait for nothing but the backend.

import { spreadWait } from "../config/limits.ts";
import type { Exchange } from "../http/exchange.ts";
import type { LiveBackend } from "../upstream/live-backend.ts";

/** Call it before the answer is written. */
export function holdUntilSpread({ client }: Exchange, backend: LiveBackend): void {
  client.hold(true);
  const timer = setTimeout(() => client.hold(false), spreadWait);
  backend.whenSpread(() => {
    clearTimeout(timer);
    client.hold(false);
  });
}
