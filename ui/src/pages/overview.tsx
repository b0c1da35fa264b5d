// How it goes, at one look: what is asked, how fast it is answered, what fails, and what needs somebody.

import { useState } from "preact/hooks";
import type { MeasuredRoute } from "../../../src/admin/measures.ts";
import type { CertificateRow, FleetRows, ServiceRow } from "../../../src/admin/operations.ts";
import { history, liveFault, measured, useLive } from "../api/live.ts";
import { usePolled } from "../api/polled.ts";
import { bytes, count, dash, duration, percent, plural } from "../format.ts";
import { Chart } from "../kit/chart.tsx";
import { Choice } from "../kit/field.tsx";
import { Badge, Empty, Failed } from "../kit/notice.tsx";
import { Card, Page, Stat } from "../kit/page.tsx";
import { type Column, Table } from "../kit/table.tsx";
import { go } from "../router.ts";
import { status } from "../shell/status.ts";
import { Attention } from "./overview-attention.tsx";
import { FirstSteps } from "./overview-first-steps.tsx";
import { Nodes } from "./overview-nodes.tsx";
import "../styles/overview.css";

export function OverviewPage() {
  useLive();
  const services = usePolled<readonly ServiceRow[]>("/v1/health/services", 5000);
  const certificates = usePolled<readonly CertificateRow[]>("/v1/certificates", 30_000);
  const nodes = usePolled<{ readonly fleet: FleetRows | null }>("/v1/nodes", 5000);
  const fleet = nodes.data?.fleet ?? null;
  const known = {
    services: services.data ?? [],
    certificates: certificates.data ?? [],
    nodes: fleet?.nodes ?? [],
  };
  const isNew = status.value !== undefined && status.value.snapshot.routes === 0;
  return (
    <Page title="Overview">
      {isNew && <FirstSteps />}
      <Numbers services={known.services} />
      <Charts />
      <div class="overview-halves uneven">
        <Attention {...known} status={status.value} />
        <BusiestRoutes />
      </div>
      {fleet !== null && <Nodes fleet={fleet} />}
    </Page>
  );
}

function Numbers({ services }: { readonly services: readonly ServiceRow[] }) {
  const now = measured.value;
  const program = status.value;
  const rates = now?.totals.rates;
  const share = rates === undefined || rates.requests === 0 ? 0 : rates.errors / rates.requests;
  const up = services.filter(({ state }) => state === "up").length;
  const { workers } = program ?? {};
  return (
    <div class="stats">
      <Stat
        name="Requests"
        value={count(rates?.requests)}
        unit="/s"
        note={`${count(now?.totals.requests)} since the start`}
      />
      <Stat
        name="Errors"
        value={now === undefined ? dash : percent(share)}
        tone={share >= 0.05 ? "bad" : share >= 0.01 ? "warn" : undefined}
        note={`${count(rates?.errors)} /s answered 5xx`}
      />
      <Stat
        name="Latency"
        value={duration(zeroIsNone(now?.totals.p50))}
        note={`99 of 100 below ${duration(zeroIsNone(now?.totals.p99))}`}
      />
      <Stat
        name="Connections"
        value={count(now?.totals.connections ?? program?.counts.connections)}
        note={
          now === undefined
            ? undefined
            : `${plural(now.totals.exchanges, "request")}, ${plural(now.totals.tunnels, "tunnel")} open`
        }
      />
      <Stat
        name="Transfer"
        value={bytes(rates?.bytesOut)}
        unit="/s out"
        note={`${bytes(rates?.bytesIn)} /s in`}
      />
      <Stat
        name="Services"
        value={up}
        unit={`of ${services.length} up`}
        tone={up < services.length ? "warn" : undefined}
        note={
          workers === undefined
            ? undefined
            : workers.wanted === 0
              ? "one process serves"
              : `${workers.live} of ${workers.wanted} workers live`
        }
      />
    </div>
  );
}

/** Of milliseconds: nothing was measured. */
function zeroIsNone(value: number | undefined): number | undefined {
  return value === 0 ? undefined : value;
}

const spans = [
  ["60000", "1 min"],
  ["600000", "10 min"],
] as const;

function Charts() {
  const [span, setSpan] = useState<(typeof spans)[number][0]>("60000");
  const points = history.value;
  if (liveFault.value !== undefined && measured.value === undefined) {
    return (
      <Card title="Live numbers">
        <Failed what="Live numbers" error={liveFault.value} />
      </Card>
    );
  }
  const times = points.map(({ at }) => at);
  const choice = <Choice label="Time shown" value={span} options={spans} onInput={setSpan} />;
  const shared = { times, span: Number(span) };
  return (
    <div class="overview-halves">
      <Card title="Requests / s" actions={choice}>
        <Chart
          {...shared}
          label="Requests and errors per second"
          format={count}
          series={[
            {
              ...{ name: "requests", color: "--series-1", filled: true },
              values: points.map(({ requests }) => requests),
            },
            { name: "errors", color: "--series-2", values: points.map(({ errors }) => errors) },
          ]}
        />
      </Card>
      <Card title="Latency">
        <Chart
          {...shared}
          label="Latency of answers"
          format={duration}
          series={[
            {
              ...{ name: "median", color: "--series-1", filled: true },
              values: points.map(({ p50 }) => p50),
            },
            { name: "99 of 100", color: "--series-3", values: points.map(({ p99 }) => p99) },
          ]}
        />
      </Card>
    </div>
  );
}

const columns: readonly Column<MeasuredRoute>[] = [
  {
    id: "name",
    title: "Route",
    width: "2fr",
    cell: ({ name }) => <span title={name}>{name}</span>,
    sortBy: ({ name }) => name,
  },
  {
    ...{ id: "rate", title: "Requests/s", align: "end", width: "6rem", phoneWidth: "5.5rem" },
    cell: ({ rate }) => count(rate),
    sortBy: ({ rate }) => rate,
  },
  {
    ...{ id: "errors", title: "Errors", align: "end", width: "5rem", phoneWidth: "4.5rem" },
    cell: ({ rate, errorRate }) => <ErrorShare share={rate === 0 ? 0 : errorRate / rate} />,
    sortBy: ({ rate, errorRate }) => (rate === 0 ? 0 : errorRate / rate),
  },
  {
    ...{ id: "p50", title: "Median", align: "end", width: "5rem", rank: 2 },
    cell: ({ p50 }) => duration(zeroIsNone(p50)),
    sortBy: ({ p50 }) => p50,
  },
  {
    ...{ id: "p99", title: "99 of 100", align: "end", width: "5.5rem", rank: 2 },
    cell: ({ p99 }) => duration(zeroIsNone(p99)),
    sortBy: ({ p99 }) => p99,
  },
  {
    ...{ id: "open", title: "Open", align: "end", width: "4rem", rank: 3 },
    cell: ({ open }) => count(open),
    sortBy: ({ open }) => open,
  },
];

function ErrorShare({ share }: { readonly share: number }) {
  if (share === 0) return <span class="muted">0 %</span>;
  return <Badge tone={share >= 0.05 ? "bad" : "warn"}>{percent(share)}</Badge>;
}

function BusiestRoutes() {
  const rows = measured.value?.routes;
  return (
    <Card title="Busiest routes" padded={false}>
      <Table
        label="Busiest routes"
        columns={columns}
        rows={rows ?? []}
        keyOf={({ name }) => name}
        sort="rate"
        isDescending
        height="22rem"
        onOpen={({ name }) => {
          // `(none)` and `(other)` are no routes.
          if (!name.startsWith("(")) go("routes", name);
        }}
        empty={
          <Empty
            icon="traffic"
            title={rows === undefined ? "No numbers yet" : "Nothing is asked just now"}
          />
        }
      />
    </Card>
  );
}
