// Who did what, when and from where: for administrators.

import { useEffect, useState } from "preact/hooks";
import { get } from "../api/client.ts";
import { clock, date, plural } from "../format.ts";
import { Button } from "../kit/button.tsx";
import { Search } from "../kit/field.tsx";
import { Badge, Empty, Failed } from "../kit/notice.tsx";
import { Card } from "../kit/page.tsx";
import { type Column, Table } from "../kit/table.tsx";
import { href } from "../router.ts";

interface Entry {
  readonly number: number;
  readonly at: string;
  readonly by: string;
  readonly from: string;
  readonly what: string;
  readonly outcome: string;
  readonly revision: number | null;
}

interface AuditPage {
  readonly entries: readonly Entry[];
  readonly next: string | null;
}

const columns: readonly Column<Entry>[] = [
  {
    ...{ id: "at", title: "When", width: "11rem", phoneWidth: "6rem" },
    cell: ({ at }) => (
      <span class="ellipsis" title={`${date(at)} ${clock(at)}`}>
        {clock(at)} <span class="muted">{date(at)}</span>
      </span>
    ),
  },
  {
    ...{ id: "what", title: "What", width: "3fr" },
    cell: ({ what, revision }) => (
      <span class="ellipsis" title={what}>
        {revision === null ? what : <a href={href("history", String(revision))}>{what}</a>}
      </span>
    ),
  },
  {
    ...{ id: "by", title: "By", rank: 2, width: "2fr" },
    cell: ({ by, from }) => (
      <span class="ellipsis">
        {by} <span class="muted">{from}</span>
      </span>
    ),
  },
  {
    ...{ id: "outcome", title: "Outcome", rank: 2, width: "8rem" },
    cell: ({ outcome }) => (
      <Badge tone={outcome === "done" ? "good" : outcome === "refused" ? "warn" : "plain"}>
        {outcome}
      </Badge>
    ),
  },
];

export function AuditList() {
  const [page, setPage] = useState<AuditPage | undefined>(undefined);
  const [error, setError] = useState<unknown>(undefined);
  const [text, setText] = useState("");
  useEffect(() => {
    get<AuditPage>("/v1/audit?limit=200").then(setPage, setError);
  }, []);
  const more = async () => {
    const next = await get<AuditPage>(`/v1/audit?limit=1000&before=${page?.next ?? ""}`);
    setPage({ entries: [...(page?.entries ?? []), ...next.entries], next: next.next });
  };
  const rows = (page?.entries ?? []).filter(({ what, by, from, outcome }) =>
    `${what} ${by} ${from} ${outcome}`.toLowerCase().includes(text.toLowerCase()),
  );
  return (
    <Card
      title="Audit"
      padded={false}
      actions={<Search label="Filter" value={text} onInput={setText} />}
    >
      {page === undefined && error !== undefined ? (
        <Failed what="The audit" error={error} />
      ) : (
        <Table
          label="Audit"
          columns={columns}
          rows={rows}
          keyOf={({ number }) => number}
          empty={
            <Empty icon="history" title={page === undefined ? "Loading …" : "Nothing like that"} />
          }
          foot={
            page === undefined ? undefined : (
              <div class="row">
                {plural(rows.length, "entry", "entries")}
                {page.next !== null && (
                  <Button small onClick={more}>
                    Show earlier ones
                  </Button>
                )}
              </div>
            )
          }
        />
      )}
    </Card>
  );
}
