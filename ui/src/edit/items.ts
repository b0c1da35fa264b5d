// Items of some sections, read again whenever another configuration goes live.

import { useCallback, useEffect, useState } from "preact/hooks";
import { status } from "../shell/status.ts";
import { allItems, type Item, type Section } from "./item.ts";

export interface Items {
  readonly data: readonly Item[] | undefined;
  readonly error: unknown;
  reload(): void;
}

export function useItems(sections: readonly Section[]): Items {
  const [data, setData] = useState<readonly Item[] | undefined>(undefined);
  const [error, setError] = useState<unknown>(undefined);
  const [round, setRound] = useState(0);
  const version = status.value?.snapshot.version;
  useEffect(() => {
    const stop = new AbortController();
    Promise.all(sections.map((each) => allItems(each, stop.signal))).then(
      (all) => {
        setData(all.flat());
        setError(undefined);
      },
      (problem: unknown) => {
        if (!stop.signal.aborted) setError(problem);
      },
    );
    return () => stop.abort();
  }, [version, round]);
  const reload = useCallback(() => setRound((now) => now + 1), []);
  return { data, error, reload };
}
