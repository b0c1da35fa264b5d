// What the program says about itself, as it says it.

import { useEffect, useRef, useState } from "preact/hooks";
import { follow } from "../api/lines.ts";
import { clock, plural } from "../format.ts";
import { Button } from "../kit/button.tsx";
import { Dialog } from "../kit/dialog.tsx";
import { Choice, Search } from "../kit/field.tsx";
import { Badge, Empty, Failed, type Tone } from "../kit/notice.tsx";
import { Card, Facts, Page } from "../kit/page.tsx";
import { type Column, Table } from "../kit/table.tsx";
import { place, setQuery } from "../router.ts";
import { drawInTurns } from "./drawing.ts";

interface LogLine {
  readonly level: string;
  readonly time: string;
  readonly pid: number;
  readonly text: string;
  readonly [field: string]: unknown;
}

interface NumberedLine {
  readonly key: number;
  readonly line: LogLine;
  /** What is beside the text, as one line. */
  readonly fields: string;
  /** What is searched, lower-case. */
  readonly words: string;
}

const begins = 500;
/** Kept of those that came. */
const most = 5000;

const tones: Readonly<Record<string, Tone>> = { warn: "warn", error: "bad", debug: "plain" };
const ranks: Readonly<Record<string, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
const levels = [
  ["debug", "All"],
  ["warn", "Warnings"],
  ["error", "Errors"],
] as const;

const columns: readonly Column<NumberedLine>[] = [
  {
    ...{ id: "time", title: "Time", width: "4.8rem", phoneWidth: "4.4rem" },
    cell: ({ line }) => <span class="muted">{clock(line.time)}</span>,
  },
  {
    ...{ id: "level", title: "Level", width: "4.2rem", phoneWidth: "3.6rem" },
    cell: ({ line }) => <Badge tone={tones[line.level] ?? "info"}>{line.level}</Badge>,
  },
  {
    id: "text",
    title: "What",
    width: "3fr",
    cell: ({ line }) => <span title={line.text}>{line.text}</span>,
  },
  {
    ...{ id: "fields", title: "Details", width: "2fr", rank: 2 },
    cell: ({ fields }) => <span class="mono muted">{fields}</span>,
  },
  {
    ...{ id: "pid", title: "Process", width: "5rem", rank: 3, align: "end" },
    cell: ({ line }) => <span class="muted">{line.pid}</span>,
  },
];

export function LogsPage() {
  const { query } = place.value;
  const text = query.get("text") ?? "";
  const level = levels.find(([value]) => value === query.get("level"))?.[0] ?? "debug";
  const [isPaused, setPaused] = useState(false);
  const [chosen, setChosen] = useState<LogLine | undefined>(undefined);
  const { lines, error } = useLog(isPaused);
  const wanted = text.toLowerCase();
  const least = ranks[level] ?? 0;
  const rows = lines.filter(
    ({ line, words }) => (ranks[line.level] ?? 1) >= least && words.includes(wanted),
  );
  return (
    <Page title="Logs" about="What Tidegate says about itself. Single requests are in the traffic.">
      <div class="row filters">
        <Search
          label="Text or details have …"
          value={text}
          onInput={(value) => setQuery("text", value)}
        />
        <Choice
          label="Level"
          value={level}
          options={levels}
          onInput={(value) => setQuery("level", value === "debug" ? "" : value)}
        />
        <span class="push" />
        <Button
          icon={isPaused ? "play" : "pause"}
          kind={isPaused ? "primary" : "plain"}
          onClick={() => setPaused(!isPaused)}
        >
          {isPaused ? "Go on" : "Pause"}
        </Button>
      </div>
      <Card padded={false}>
        {error !== undefined && lines.length === 0 ? (
          <Failed what="The log" error={error} />
        ) : (
          <Table
            label="Log"
            columns={columns}
            rows={rows}
            keyOf={({ key }) => key}
            rowHeight={34}
            height="max(20rem, calc(100dvh - 16.5rem))"
            onOpen={({ line }) => setChosen(line)}
            empty={
              <Empty icon="logs" title={lines.length === 0 ? "No line so far" : "No line fits"} />
            }
            foot={`${plural(rows.length, "line")}, the latest first${isPaused ? "; paused" : ""}`}
          />
        )}
      </Card>
      {chosen !== undefined && <Details line={chosen} onClose={() => setChosen(undefined)} />}
    </Page>
  );
}

function Details({ line, onClose }: { readonly line: LogLine; readonly onClose: () => void }) {
  const { level, time, pid, text, ...fields } = line;
  return (
    <Dialog title={`${level} at ${clock(time)}`} place="side" onClose={onClose}>
      <p class="wrap">{text}</p>
      <Facts
        rows={[
          ...Object.entries(fields).map(
            ([name, value]) => [name, <pre>{shown(value)}</pre>] as const,
          ),
          ["time", time],
          ["process", pid],
        ]}
      />
    </Dialog>
  );
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value, undefined, 2);
}

function numbered(key: number, line: LogLine): NumberedLine {
  const { level: _level, time: _time, pid: _pid, text, ...rest } = line;
  const fields = Object.entries(rest)
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
  return { key, line, fields, words: `${text} ${fields}`.toLowerCase() };
}

function useLog(isPaused: boolean) {
  const [lines, setLines] = useState<readonly NumberedLine[]>([]);
  const [error, setError] = useState<unknown>(undefined);
  const last = useRef(0);
  useEffect(() => {
    if (isPaused) return;
    let waiting: NumberedLine[] = [];
    let isFirst = true;
    const following = follow<LogLine>({
      path: `/v1/log?follow=true&lines=${begins}`,
      onOpen() {
        // Whoever comes again is told the latest lines again.
        isFirst = true;
        waiting = [];
        setError(undefined);
      },
      onLine(line) {
        last.current += 1;
        waiting.push(numbered(last.current, line));
        if (waiting.length > most * 2) waiting = waiting.slice(-most);
      },
      onEnd: setError,
    });
    const draw = () => {
      const fresh = waiting.toReversed();
      const before = isFirst;
      waiting = [];
      isFirst = false;
      const oldest = fresh.at(-1)?.line.time ?? "";
      setLines((now) => {
        const kept = before ? now.filter(({ line }) => line.time < oldest) : now;
        return [...fresh, ...kept].slice(0, most);
      });
    };
    const endDrawing = drawInTurns(() => waiting.length, draw);
    return () => {
      endDrawing();
      following.stop();
    };
  }, [isPaused]);
  return { lines, error };
}
