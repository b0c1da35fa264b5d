// What is open now: requests that run, WebSockets and other tunnels. Each can be cut.

import { useState } from "preact/hooks";
import type { OpenEntry } from "../../../src/traffic/entry.ts";
import { send } from "../api/client.ts";
import { usePolled } from "../api/polled.ts";
import { mayEdit } from "../api/session.ts";
import { bytes, plural, span } from "../format.ts";
import { Button } from "../kit/button.tsx";
import { confirm } from "../kit/dialog.tsx";
import { Choice, Search } from "../kit/field.tsx";
import { Badge, Empty, Failed } from "../kit/notice.tsx";
import { Card } from "../kit/page.tsx";
import { type Column, Table } from "../kit/table.tsx";
import { toast } from "../kit/toast.ts";

type Kind = "all" | "tunnels" | "requests";

function columnsFor(onClosed: () => void): readonly Column<OpenEntry>[] {
  const columns: readonly Column<OpenEntry>[] = [
    {
      ...{ id: "since", title: "For", width: "5.5rem", phoneWidth: "4.5rem" },
      cell: (row) => span(Date.now() - row.since),
      sortBy: (row) => row.since,
    },
    {
      ...{ id: "kind", title: "Kind", width: "5.5rem", rank: 2 },
      cell: ({ isTunnel }) => (
        <Badge tone={isTunnel ? "accent" : "plain"}>{isTunnel ? "tunnel" : "request"}</Badge>
      ),
    },
    {
      ...{ id: "url", title: "Request", width: "3fr" },
      cell: ({ method, host, target }) => (
        <span class="mono" title={`${method} ${host}${target}`}>
          {host}
          <span class="muted">{target}</span>
        </span>
      ),
      sortBy: ({ host, target }) => `${host}${target}`,
    },
    { id: "route", title: "Route", width: "1.2fr", rank: 3, cell: ({ route }) => route },
    {
      ...{ id: "backend", title: "Backend", width: "1.2fr", rank: 3 },
      cell: ({ backend }) => <span class="muted">{backend}</span>,
    },
    {
      ...{ id: "client", title: "Client", width: "8rem", rank: 2 },
      cell: ({ client }) => <span class="muted">{client}</span>,
    },
    {
      ...{ id: "bytes", title: "In / out", width: "8rem", align: "end", rank: 2 },
      cell: (row) => `${bytes(row.requestBytes)} / ${bytes(row.bytes)}`,
      sortBy: (row) => row.requestBytes + row.bytes,
    },
  ];
  if (!mayEdit.value) return columns;
  return [
    ...columns,
    {
      ...{ id: "close", title: "", width: "4.5rem", align: "end" },
      cell: (row) => (
        <Button
          kind="danger"
          small
          label={`Cut ${row.host}${row.target}`}
          onClick={() => ask(row, onClosed)}
        >
          Cut
        </Button>
      ),
    },
  ];
}

function ask({ id, host, target, client, isTunnel }: OpenEntry, onClosed: () => void): void {
  confirm({
    title: isTunnel ? "Cut this tunnel?" : "Cut this request?",
    text: `${host}${target} of ${client}. The client sees a connection that ends; most ask again by themselves.`,
    action: "Cut",
    isDanger: true,
    async perform() {
      const path = `/v1/exchanges/${encodeURIComponent(id)}`;
      const { message } = await send<{ message: string }>("DELETE", path);
      toast(message);
      onClosed();
    },
  });
}

export function OpenExchanges() {
  const { data, error, reload } = usePolled<readonly OpenEntry[]>("/v1/exchanges", 2000);
  const [kind, setKind] = useState<Kind>("all");
  const [text, setText] = useState("");
  const wanted = text.toLowerCase();
  const rows = (data ?? []).filter(
    ({ isTunnel, host, target, route, client }) =>
      (kind === "all" || isTunnel === (kind === "tunnels")) &&
      `${host}${target} ${route} ${client}`.toLowerCase().includes(wanted),
  );
  return (
    <div class="stack">
      <div class="row filters">
        <Search label="Host, path, route or client has …" value={text} onInput={setText} />
        <Choice
          label="Kind"
          value={kind}
          options={[
            ["all", "All"],
            ["tunnels", "WebSockets, tunnels"],
            ["requests", "Requests"],
          ]}
          onInput={setKind}
        />
      </div>
      <Card padded={false}>
        {data === undefined && error !== undefined ? (
          <Failed what="What is open" error={error} />
        ) : (
          <Table
            label="Open requests and tunnels"
            columns={columnsFor(reload)}
            rows={rows}
            keyOf={({ id }) => id}
            empty={
              <Empty icon="link" title={data === undefined ? "Loading …" : "Nothing is open"} />
            }
            foot={plural(rows.length, "exchange")}
          />
        )}
      </Card>
    </div>
  );
}
