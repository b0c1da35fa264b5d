// Requests in the moment they are over. The program sends only those that fit, and says how many were too many.

import { useEffect, useRef, useState } from "preact/hooks";
import type { TrafficEntry } from "../../../src/traffic/entry.ts";
import { follow } from "../api/lines.ts";
import { plural } from "../format.ts";
import { Button } from "../kit/button.tsx";
import { Choice, Search, SelectField, Switch } from "../kit/field.tsx";
import { Empty, Failed } from "../kit/notice.tsx";
import { Card } from "../kit/page.tsx";
import { place, setQuery } from "../router.ts";
import { drawInTurns } from "./drawing.ts";
import { EntryTable, type NumberedEntry } from "./traffic-entries.tsx";

type Line = TrafficEntry | { readonly notShown: number };

/** Kept of those that came by. */
const most = 1000;
const settleMs = 300;

const statuses = [
  ["", "All"],
  ["2xx", "2xx"],
  ["3xx", "3xx"],
  ["4xx", "4xx"],
  ["5xx", "5xx"],
] as const;
const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
const slownesses = [
  ["", "Any time"],
  ["100ms", "over 100 ms"],
  ["500ms", "over 500 ms"],
  ["1s", "over 1 s"],
  ["5s", "over 5 s"],
] as const;

export function LiveTraffic() {
  const { query } = place.value;
  const [isPaused, setPaused] = useState(false);
  const filter = new URLSearchParams();
  for (const name of ["text", "route", "status", "method", "slower", "failed"]) {
    const value = query.get(name);
    if (value !== null && value !== "") filter.set(name, value);
  }
  const { rows, dropped, hasGap, error, clear } = useTraffic(filter.toString(), isPaused);
  const status = statuses.find(([value]) => value === query.get("status"))?.[0] ?? "";
  return (
    <div class="stack">
      <div class="row filters">
        <Search
          label="Host, path or query has …"
          value={query.get("text") ?? ""}
          onInput={(value) => setQuery("text", value)}
        />
        <Choice
          label="Status"
          value={status}
          options={statuses}
          onInput={(value) => setQuery("status", value)}
        />
        <SelectField
          label="Method"
          value={query.get("method") ?? ""}
          options={[["", "All methods"], ...methods]}
          onInput={(value) => setQuery("method", value)}
        />
        <SelectField
          label="Time taken"
          value={query.get("slower") ?? ""}
          options={slownesses}
          onInput={(value) => setQuery("slower", value)}
        />
        <Switch
          label="Failed only"
          value={query.get("failed") === "true"}
          onInput={(value) => setQuery("failed", value ? "true" : "")}
        />
        <span class="together push">
          <Button
            icon={isPaused ? "play" : "pause"}
            kind={isPaused ? "primary" : "plain"}
            onClick={() => setPaused(!isPaused)}
          >
            {isPaused ? "Go on" : "Pause"}
          </Button>
          <Button kind="quiet" icon="trash" label="Clear the list" onClick={clear} />
        </span>
      </div>
      <Card padded={false}>
        {error !== undefined && rows.length === 0 ? (
          <Failed what="Live traffic" error={error} />
        ) : (
          <EntryTable
            label="Live requests"
            rows={rows}
            empty={
              <Empty icon="traffic" title={isPaused ? "Paused" : "Waiting for requests"}>
                Each request that fits the filters stands here as soon as it is over.
              </Empty>
            }
            foot={`${footOf(rows.length, dropped, isPaused)}${hasGap ? gap : ""}`}
          />
        )}
      </Card>
    </div>
  );
}

const gap = "; none of the time when this tab was hidden";

function footOf(shown: number, dropped: number, isPaused: boolean): string {
  const more =
    dropped === 0 ? "" : `, ${plural(dropped, "more was", "more were")} too many to show`;
  return `${plural(shown, "request")}, the latest first${more}${isPaused ? "; paused" : ""}`;
}

function useTraffic(filter: string, isPaused: boolean) {
  const [shown, setShown] = useState<readonly NumberedEntry[]>([]);
  const [dropped, setDropped] = useState(0);
  const [error, setError] = useState<unknown>(undefined);
  const last = useRef(0);
  const [hasGap, setGap] = useState(false);
  const clear = () => {
    setShown([]);
    setGap(false);
    setDropped(0);
  };
  useEffect(clear, [filter]);
  useEffect(() => {
    if (isPaused) return;
    let waiting: NumberedEntry[] = [];
    let missed = 0;
    const take = (line: Line) => {
      if ("notShown" in line) {
        missed += line.notShown;
        return;
      }
      last.current += 1;
      waiting.push({ key: last.current, entry: line });
      if (waiting.length > most) waiting = waiting.slice(-most);
    };
    const draw = () => {
      if (missed > 0) setDropped((now) => now + missed);
      missed = 0;
      const fresh = waiting.toReversed();
      waiting = [];
      setShown((now) => [...fresh, ...now].slice(0, most));
    };
    let ends = () => {};
    // Who is still typing a filter does not ask for each letter.
    const begin = setTimeout(() => {
      const path = `/v1/traffic?follow=true${filter === "" ? "" : `&${filter}`}`;
      const onOpen = () => setError(undefined);
      const onLetGo = () => setGap(true);
      const following = follow<Line>({ path, onLine: take, onEnd: setError, onOpen, onLetGo });
      ends = () => following.stop();
    }, settleMs);
    const endDrawing = drawInTurns(() => waiting.length + missed, draw);
    return () => {
      clearTimeout(begin);
      endDrawing();
      ends();
    };
  }, [filter, isPaused]);
  return { rows: shown, dropped, hasGap, error, clear };
}
