// Requests of the latest minutes that failed, or took long: those that the program keeps by itself.

import { useEffect, useState } from "preact/hooks";
import type { TrafficEntry } from "../../../src/traffic/entry.ts";
import { respond } from "../api/client.ts";
import { plural } from "../format.ts";
import { Search } from "../kit/field.tsx";
import { Empty, Failed } from "../kit/notice.tsx";
import { Card } from "../kit/page.tsx";
import { EntryTable, type NumberedEntry } from "./traffic-entries.tsx";

const everyMs = 4000;

const words = {
  failed: {
    path: "/v1/traffic?failed=true",
    sort: "time",
    label: "Requests that failed",
    none: "Nothing failed in the latest minutes",
  },
  slow: {
    path: "/v1/traffic",
    sort: "duration",
    label: "Slowest requests",
    none: "Nothing was slow in the latest minutes",
  },
} as const;

export function Standouts({ kind }: { readonly kind: keyof typeof words }) {
  const { path, sort, label, none } = words[kind];
  const [rows, setRows] = useState<readonly NumberedEntry[] | undefined>(undefined);
  const [error, setError] = useState<unknown>(undefined);
  const [text, setText] = useState("");
  useEffect(() => {
    const stop = new AbortController();
    const ask = async () => {
      if (document.hidden) return;
      try {
        const response = await respond("GET", path, undefined, { signal: stop.signal });
        setRows(entriesOf(await response.text()));
        setError(undefined);
      } catch (problem) {
        if (!stop.signal.aborted) setError(problem);
      }
    };
    void ask();
    const timer = setInterval(() => void ask(), everyMs);
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, [path]);
  const wanted = text.toLowerCase();
  const shown = (rows ?? []).filter(({ entry: { host, target, route, failure } }) =>
    `${host}${target} ${route} ${failure}`.toLowerCase().includes(wanted),
  );
  return (
    <div class="stack">
      <div class="row filters">
        <Search label="Host, path, route or failure has …" value={text} onInput={setText} />
      </div>
      <Card padded={false}>
        {error !== undefined && rows === undefined ? (
          <Failed what={label} error={error} />
        ) : (
          <EntryTable
            label={label}
            rows={shown}
            sort={sort}
            empty={<Empty icon="check" title={rows === undefined ? "Loading …" : none} />}
            foot={plural(shown.length, "request")}
          />
        )}
      </Card>
    </div>
  );
}

function entriesOf(text: string): readonly NumberedEntry[] {
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line, key) => {
    const entry: TrafficEntry = JSON.parse(line);
    return { key, entry };
  });
}
