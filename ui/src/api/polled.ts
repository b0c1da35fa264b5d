// An answer that is asked for again and again while somebody looks: not in a tab that is hidden.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { get, sentenceOf } from "./client.ts";

export interface Polled<Body> {
  /** undefined = nothing yet. What was there stays when the next one fails. */
  readonly data: Body | undefined;
  /** Of the latest request. */
  readonly error: unknown;
  /** A sentence; undefined = it went well. */
  readonly trouble: string | undefined;
  reload(): void;
}

/** Whoever has not answered by then cannot be reached. */
const patienceMs = 20_000;

/** @param path undefined = ask nothing. @param everyMs 0 = once */
export function usePolled<Body>(path: string | undefined, everyMs = 0): Polled<Body> {
  const [data, setData] = useState<Body | undefined>(undefined);
  const [error, setError] = useState<unknown>(undefined);
  const again = useRef(() => {});
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let latest = 0;
    const ask = async () => {
      clearTimeout(timer);
      if (path === undefined) return;
      latest += 1;
      const own = latest;
      // What was asked before a change is not shown after it.
      const isOver = () => stop.signal.aborted || own !== latest;
      if (!document.hidden) {
        try {
          const body = await get<Body>(path, { signal: stop.signal, patienceMs });
          if (isOver()) return;
          setData(body);
          setError(undefined);
        } catch (problem) {
          if (isOver()) return;
          setError(problem);
        }
      }
      if (everyMs > 0) timer = setTimeout(() => void ask(), everyMs);
    };
    const look = () => {
      if (!document.hidden) void ask();
    };
    again.current = () => void ask();
    document.addEventListener("visibilitychange", look);
    void ask();
    return () => {
      stop.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [path, everyMs]);
  const reload = useCallback(() => again.current(), []);
  const trouble = error === undefined ? undefined : sentenceOf(error);
  return { data, error, trouble, reload };
}
