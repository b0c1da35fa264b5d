// How much each route, service and backend is asked just now, and how it does.

import { useState } from "preact/hooks";
import { liveFault, measured, useLive } from "../api/live.ts";
import { count, dash, duration, percent } from "../format.ts";
import { Choice, Search } from "../kit/field.tsx";
import { Badge, Empty, Failed } from "../kit/notice.tsx";
import { Card } from "../kit/page.tsx";
import { type Column, Table } from "../kit/table.tsx";

type Kind = "routes" | "services" | "backends";

/** One row of whatever is shown; what is not measured of it is left out. */
interface Rated {
  readonly name: string;
  readonly rate: number;
  readonly errorRate: number;
  readonly open: number;
  readonly total: number;
  readonly p50?: number;
  readonly p99?: number;
}

const shareOf = ({ rate, errorRate }: Rated) => (rate === 0 ? 0 : errorRate / rate);
const timeOf = (value: number | undefined) => (value === 0 ? dash : duration(value));

const columns: readonly Column<Rated>[] = [
  {
    ...{ id: "name", title: "Name", width: "3fr" },
    cell: ({ name }) => <span title={name}>{name}</span>,
    sortBy: ({ name }) => name,
  },
  {
    ...{ id: "rate", title: "Requests/s", align: "end", width: "6.5rem", phoneWidth: "5.5rem" },
    cell: ({ rate }) => count(rate),
    sortBy: ({ rate }) => rate,
  },
  {
    ...{ id: "errors", title: "Errors", align: "end", width: "5.5rem", phoneWidth: "4.5rem" },
    cell: (row) => {
      const share = shareOf(row);
      if (share === 0) return <span class="muted">0 %</span>;
      return <Badge tone={share >= 0.05 ? "bad" : "warn"}>{percent(share)}</Badge>;
    },
    sortBy: shareOf,
  },
  {
    ...{ id: "p50", title: "Median", align: "end", width: "6rem", rank: 2 },
    cell: ({ p50 }) => timeOf(p50),
    sortBy: ({ p50 = 0 }) => p50,
  },
  {
    ...{ id: "p99", title: "99 of 100", align: "end", width: "6rem", rank: 2 },
    cell: ({ p99 }) => timeOf(p99),
    sortBy: ({ p99 = 0 }) => p99,
  },
  {
    ...{ id: "open", title: "Open", align: "end", width: "5rem", rank: 2 },
    cell: ({ open }) => count(open),
    sortBy: ({ open }) => open,
  },
  {
    ...{ id: "total", title: "Since the start", align: "end", width: "8rem", rank: 3 },
    cell: ({ total }) => count(total),
    sortBy: ({ total }) => total,
  },
];

export function RouteRates() {
  useLive();
  const [kind, setKind] = useState<Kind>("routes");
  const [text, setText] = useState("");
  const now = measured.value;
  const all: readonly Rated[] =
    kind === "backends"
      ? (now?.backends ?? []).map((row) => ({ ...row, name: `${row.url} (${row.service})` }))
      : (now?.[kind] ?? []);
  const rows = all.filter(({ name }) => name.toLowerCase().includes(text.toLowerCase()));
  return (
    <div class="stack">
      <div class="row filters">
        <Search label="Name has …" value={text} onInput={setText} />
        <Choice
          label="Of"
          value={kind}
          options={[
            ["routes", "Routes"],
            ["services", "Services"],
            ["backends", "Backends"],
          ]}
          onInput={setKind}
        />
      </div>
      <Card padded={false}>
        {liveFault.value !== undefined && now === undefined ? (
          <Failed what="Rates" error={liveFault.value} />
        ) : (
          <Table
            key={kind}
            label={`Rates of ${kind}`}
            columns={columns}
            rows={rows}
            keyOf={({ name }) => name}
            sort="rate"
            isDescending
            empty={
              <Empty
                icon="traffic"
                title={now === undefined ? "Loading …" : "Nothing was asked yet"}
              />
            }
            foot="The busiest, of the last five to ten seconds"
          />
        )}
      </Card>
    </div>
  );
}
