// Measures as server-sent events for one who looks on. What is not read waits in a bounded buffer; a reader that lets
// it fill up is cut off: numbers of a while ago help nobody.

import { measureLimits } from "../../config/metrics-limits.ts";
import type { Measures } from "../measures.ts";

export interface MeasuresStreamOptions {
  readonly rows: number;
  /** Cuts the reader off. */
  drop(): void;
  /** Ends the stream when the server closes. */
  readonly closing: AbortSignal;
}

/** undefined = too many look on already. */
export function measuresStream(
  measures: Measures,
  { rows, drop, closing }: MeasuresStreamOptions,
): ReadableStream<Uint8Array> | undefined {
  let onText = (_text: string) => {};
  const unfollow = measures.follow(rows, (text) => onText(text));
  if (unfollow === undefined) return undefined;
  let end = unfollow;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const finish = () => {
          end();
          controller.close();
        };
        end = () => {
          unfollow();
          closing.removeEventListener("abort", finish);
        };
        onText = (text) => {
          if ((controller.desiredSize ?? 0) > 0) {
            controller.enqueue(Buffer.from(`event: measures\ndata: ${text}\n\n`));
            return;
          }
          end();
          drop();
        };
        if (closing.aborted) {
          finish();
          return;
        }
        closing.addEventListener("abort", finish, { once: true });
        // Nobody has to wait a second for the first numbers.
        onText(JSON.stringify(measures.now({ rows, history: 1 })));
      },
      cancel: () => end(),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: measureLimits.followerBytes }),
  );
}
