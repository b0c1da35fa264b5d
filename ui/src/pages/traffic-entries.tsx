// Requests that are over, as rows, and one of them in full.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { TrafficEntry } from "../../../src/traffic/entry.ts";
import { bytes, clock, duration } from "../format.ts";
import { LinkButton } from "../kit/button.tsx";
import { Dialog } from "../kit/dialog.tsx";
import { Badge, type Tone } from "../kit/notice.tsx";
import { Facts } from "../kit/page.tsx";
import { type Column, Table } from "../kit/table.tsx";
import { href } from "../router.ts";

/** With a number of our own: nothing else about a request is its own. */
export interface NumberedEntry {
  readonly key: number;
  readonly entry: TrafficEntry;
}

function statusTone(status: number): Tone {
  if (status === 0 || status >= 500) return "bad";
  if (status >= 400) return "warn";
  if (status >= 300) return "info";
  return "good";
}

function StatusBadge({ status }: { readonly status: number }) {
  return <Badge tone={statusTone(status)}>{status === 0 ? "none" : status}</Badge>;
}

const columns: readonly Column<NumberedEntry>[] = [
  {
    ...{ id: "time", title: "Time", width: "4.8rem", rank: 2 },
    cell: ({ entry }) => <span class="muted">{clock(entry.time)}</span>,
    sortBy: ({ entry }) => entry.time,
  },
  {
    ...{ id: "status", title: "Status", width: "4.2rem", phoneWidth: "3.6rem" },
    cell: ({ entry }) => <StatusBadge status={entry.status} />,
    sortBy: ({ entry }) => entry.status,
  },
  {
    ...{ id: "method", title: "Method", width: "4rem", rank: 2 },
    cell: ({ entry }) => <span class="mono">{entry.method}</span>,
  },
  {
    ...{ id: "url", title: "Request", width: "2fr" },
    cell: ({ entry }) => (
      <span class="mono" title={`${entry.host}${entry.target}`}>
        {entry.host}
        <span class="muted">{entry.target}</span>
      </span>
    ),
  },
  {
    ...{ id: "route", title: "Route", width: "2.2fr", rank: 3 },
    cell: ({ entry }) => <span title={entry.route}>{entry.route || "none"}</span>,
    sortBy: ({ entry }) => entry.route,
  },
  {
    ...{ id: "backend", title: "Backend", width: "2.2fr", rank: 3 },
    cell: ({ entry: { failure, backend } }) => (
      <span class="muted" title={failure || backend}>
        {failure || backend}
      </span>
    ),
  },
  {
    ...{ id: "client", title: "Client", width: "7rem", rank: 3 },
    cell: ({ entry }) => <span class="muted">{entry.client}</span>,
  },
  {
    ...{ id: "bytes", title: "Size", width: "4rem", align: "end", rank: 2 },
    cell: ({ entry }) => bytes(entry.bytes),
    sortBy: ({ entry }) => entry.bytes,
  },
  {
    ...{ id: "duration", title: "Took", width: "5.2rem", phoneWidth: "4.5rem", align: "end" },
    cell: ({ entry }) => duration(entry.duration),
    sortBy: ({ entry }) => entry.duration,
  },
];

export interface EntryTableProps {
  readonly label: string;
  readonly rows: readonly NumberedEntry[];
  readonly empty: ComponentChildren;
  readonly foot?: ComponentChildren;
  readonly sort?: string;
}

export function EntryTable({ label, rows, empty, foot, sort }: EntryTableProps) {
  const [chosen, setChosen] = useState<TrafficEntry | undefined>(undefined);
  return (
    <>
      <Table
        label={label}
        columns={columns}
        rows={rows}
        keyOf={({ key }) => key}
        onOpen={({ entry }) => setChosen(entry)}
        empty={empty}
        foot={foot}
        rowHeight={34}
        height="max(20rem, calc(100dvh - 19rem))"
        {...(sort === undefined ? {} : { sort, isDescending: true })}
      />
      {chosen !== undefined && <EntryDetails entry={chosen} onClose={() => setChosen(undefined)} />}
    </>
  );
}

function EntryDetails({
  entry,
  onClose,
}: {
  readonly entry: TrafficEntry;
  readonly onClose: () => void;
}) {
  const url = `${entry.scheme}://${entry.host}${entry.target}`;
  const query = new URLSearchParams({ method: entry.method, url, from: entry.client });
  const { route, service } = entry;
  const footer = (
    <LinkButton icon="explain" href={`${href("explain")}?${query}`}>
      Explain this request
    </LinkButton>
  );
  return (
    <Dialog title={`${entry.method} ${entry.host}`} place="side" onClose={onClose} footer={footer}>
      <code class="wrap">{url}</code>
      <Facts
        rows={[
          ["Status", <StatusBadge status={entry.status} />],
          ["Failure", entry.failure],
          ["When", clock(entry.time)],
          ["Time taken", duration(entry.duration)],
          ["Backend answered in", entry.backendTime === null ? "" : duration(entry.backendTime)],
          ["Attempts", entry.attempts],
          ["Client", entry.client],
          ["Listener", entry.listener],
          ["Protocol", entry.protocol],
          ["Route", route === "" ? "none fits" : <a href={href("routes", route)}>{route}</a>],
          ["Service", service === "" ? "" : <a href={href("services", service)}>{service}</a>],
          ["Backend", entry.backend],
          ["Sent", bytes(entry.requestBytes)],
          ["Received", bytes(entry.bytes)],
          ["Request id", entry.id],
          ["User agent", entry.userAgent],
        ]}
      />
    </Dialog>
  );
}
