// The programs of a fleet, as this one knows them.

import type { FleetRows, NodeRow } from "../../../src/admin/operations.ts";
import { since } from "../format.ts";
import { Badge, Notice, type Tone } from "../kit/notice.tsx";
import { Card } from "../kit/page.tsx";
import { type Column, Table } from "../kit/table.tsx";

const tones: Readonly<Record<NodeRow["state"], Tone>> = {
  up: "good",
  gone: "bad",
  unknown: "warn",
};

const columns: readonly Column<NodeRow>[] = [
  {
    ...{ id: "name", title: "Node", width: "2fr" },
    cell: ({ name, isSelf }) => (isSelf ? `${name} (this one)` : name),
    sortBy: ({ name }) => name,
  },
  {
    ...{ id: "state", title: "State", width: "6.5rem" },
    cell: ({ state }) => (
      <Badge tone={tones[state]} dotted>
        {state}
      </Badge>
    ),
  },
  { id: "version", title: "Version", rank: 2, cell: ({ version }) => version },
  { id: "since", title: "Runs for", cell: (row) => since(row.since) },
  {
    ...{ id: "seen", title: "Seen", rank: 2 },
    cell: ({ seen }) => (seen === undefined ? "–" : `${since(seen)} ago`),
  },
  {
    ...{ id: "snapshot", title: "Configuration", rank: 3, align: "end", width: "7rem" },
    cell: ({ snapshot }) => snapshot,
  },
  {
    ...{ id: "listeners", title: "Listeners", rank: 3, width: "2fr" },
    cell: ({ listeners }) => <span class="muted">{listeners.join(", ")}</span>,
  },
];

export function Nodes({ fleet }: { readonly fleet: FleetRows }) {
  return (
    <Card title="Nodes" padded={false}>
      {fleet.trouble !== undefined && (
        <div class="inside">
          <Notice tone="warn">{fleet.trouble}</Notice>
        </div>
      )}
      <Table label="Nodes" columns={columns} rows={fleet.nodes} keyOf={({ name }) => name} />
    </Card>
  );
}
