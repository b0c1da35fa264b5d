// Middlewares: all kinds there are, and which routes use each.

import { useMemo, useState } from "preact/hooks";
import type { MiddlewareRow } from "../../../src/admin/operations.ts";
import { usePolled } from "../api/polled.ts";
import { count, plural } from "../format.ts";
import { filterText, isWanted, ListFilter } from "../kit/list-filter.tsx";
import { Badge, Empty, Failed } from "../kit/notice.tsx";
import { Card, Facts, Page } from "../kit/page.tsx";
import { type Column, Table } from "../kit/table.tsx";
import { Dialog } from "../kit/dialog.tsx";
import { href } from "../router.ts";

const plain = (text: string) => text.replaceAll("`", "");

const columns: readonly Column<MiddlewareRow>[] = [
  {
    ...{ id: "kind", title: "Kind", width: "10rem" },
    cell: ({ kind }) => <code>{kind}</code>,
    sortBy: ({ kind }) => kind.toLowerCase(),
  },
  {
    ...{ id: "summary", title: "What it does", rank: 2, width: "4fr" },
    cell: ({ summary }) => <span class="ellipsis">{plain(summary)}</span>,
  },
  {
    ...{ id: "uses", title: "Used by", align: "end", width: "6rem" },
    cell: ({ uses }) => (uses === 0 ? "" : <Badge tone="accent">{count(uses)}</Badge>),
    sortBy: ({ uses }) => -uses,
  },
];

export function MiddlewaresPage() {
  const { data, error } = usePolled<readonly MiddlewareRow[]>("/v1/middlewares", 10_000);
  const [shown, setShown] = useState<"all" | "used">("all");
  const [open, setOpen] = useState<string | undefined>(undefined);
  const text = filterText();
  const rows = useMemo(
    () =>
      (data ?? []).filter(
        ({ kind, summary, uses }) => (shown === "all" || uses > 0) && isWanted(kind, summary),
      ),
    [data, shown, text],
  );
  const chosen = data?.find(({ kind }) => kind === open);
  return (
    <Page
      title="Middlewares"
      about="What requests and answers go through on their way. They are written at routes, services and listeners."
    >
      <Card
        title="Kinds"
        padded={false}
        actions={
          <ListFilter
            kinds={{
              value: shown,
              options: [
                ["all", "All"],
                ["used", "In use"],
              ],
              onInput: setShown,
            }}
          />
        }
      >
        {data === undefined && error !== undefined ? (
          <Failed what="Middlewares" error={error} />
        ) : (
          <Table
            label="Middlewares"
            columns={columns}
            rows={rows}
            keyOf={({ kind }) => kind}
            onOpen={({ kind }) => setOpen(kind)}
            empty={
              <Empty
                icon="middlewares"
                title={
                  data === undefined ? "Loading …" : shown === "used" ? "None is in use" : "None"
                }
              />
            }
            foot={plural(rows.length, "kind")}
          />
        )}
      </Card>
      {chosen !== undefined && (
        <Dialog title={chosen.kind} place="side" onClose={() => setOpen(undefined)}>
          <p>{plain(chosen.summary)}</p>
          <Facts
            rows={[
              [
                "Page",
                <a
                  key="page"
                  href={`/docs/middlewares/${chosen.page}.html`}
                  target="_blank"
                  rel="noreferrer"
                >
                  documentation
                </a>,
              ],
            ]}
          />
          <h3>Used by</h3>
          {chosen.uses === 0 && <p class="muted">Nobody.</p>}
          <ul>
            {chosen.owners.map((owner) => (
              <li key={owner}>
                <Owner owner={owner} />
              </li>
            ))}
          </ul>
          {chosen.uses > chosen.owners.length && (
            <p class="muted">and {count(chosen.uses - chosen.owners.length)} more</p>
          )}
        </Dialog>
      )}
    </Page>
  );
}

function Owner({ owner }: { readonly owner: string }) {
  const [kind = "", ...rest] = owner.split(" ");
  const name = rest.join(" ");
  if (kind === "route") return <a href={href("routes", name)}>{name}</a>;
  if (kind === "service") return <a href={href("services", name)}>{name}</a>;
  return <>{owner}</>;
}
