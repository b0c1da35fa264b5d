// The history of what was added and changed here, with a way back to each moment of it.

import { useCallback, useEffect, useState } from "preact/hooks";
import { get, send, sentenceOf } from "../api/client.ts";
import { mayEdit } from "../api/session.ts";
import { Difference } from "../edit/difference.tsx";
import type { ChangedItem, ChangeResult } from "../edit/item.ts";
import { undo } from "../edit/item.ts";
import { Review } from "../edit/review.tsx";
import { clock, date, plural } from "../format.ts";
import { Button } from "../kit/button.tsx";
import { Dialog } from "../kit/dialog.tsx";
import { Badge, Empty, Failed, Notice } from "../kit/notice.tsx";
import { Card, Facts, Page } from "../kit/page.tsx";
import { type Column, Table } from "../kit/table.tsx";
import { toast, toastProblem } from "../kit/toast.ts";
import { go, place } from "../router.ts";

interface Revision {
  readonly number: number;
  readonly at: string;
  readonly by: string;
  readonly note: string | null;
  readonly changes: readonly ChangedItem[];
}

interface RevisionPage {
  readonly revision: number;
  readonly revisions: readonly Revision[];
  readonly next: string | null;
}

const summary = ({ changes }: Revision) => {
  const [first] = changes;
  if (first === undefined) return "nothing";
  return changes.length === 1 ? first.name : `${first.name} and ${changes.length - 1} more`;
};

const columns: readonly Column<Revision>[] = [
  {
    id: "number",
    title: "Revision",
    width: "5.5rem",
    cell: ({ number }) => <Badge>{number}</Badge>,
  },
  {
    ...{ id: "what", title: "What", width: "3fr" },
    cell: (row) => <strong class="ellipsis">{summary(row)}</strong>,
  },
  {
    ...{ id: "note", title: "Why", rank: 3, width: "2fr" },
    cell: ({ note }) => <span class="ellipsis muted">{note}</span>,
  },
  {
    ...{ id: "by", title: "By", rank: 2, width: "2fr" },
    cell: ({ by }) => <span class="ellipsis">{by}</span>,
  },
  {
    ...{ id: "at", title: "When", align: "end", width: "11rem", phoneWidth: "7rem" },
    cell: ({ at }) => (
      <span class="ellipsis">
        {date(at)} {clock(at)}
      </span>
    ),
  },
];

export function HistoryPage() {
  const { page, error, more, reload } = useHistory();
  const wanted = Number(place.value.rest[0]);
  const chosen = page?.revisions.find(({ number }) => number === wanted);
  return (
    <Page
      title="History"
      about="Every change of what is kept here: of the console, the API and the commands. Users and tokens are not part of it."
    >
      <Card title="Changes, the latest first" padded={false}>
        {page === undefined && error !== undefined ? (
          <Failed what="The history" error={error} />
        ) : (
          <Table
            label="History"
            columns={columns}
            rows={page?.revisions ?? []}
            keyOf={({ number }) => number}
            onOpen={({ number }) => go("history", String(number))}
            isChosen={({ number }) => number === wanted}
            empty={
              <Empty icon="history" title={page === undefined ? "Loading …" : "No change yet"} />
            }
            foot={
              page === undefined ? undefined : (
                <div class="row">
                  {plural(page.revisions.length, "change")}
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
      {chosen !== undefined && page !== undefined && (
        <Details
          key={chosen.number}
          revision={chosen}
          latest={page.revision}
          onClose={() => go("history")}
          onDone={() => {
            go("history");
            reload();
          }}
        />
      )}
    </Page>
  );
}

function useHistory() {
  const [page, setPage] = useState<RevisionPage | undefined>(undefined);
  const [error, setError] = useState<unknown>(undefined);
  const reload = useCallback(() => {
    get<RevisionPage>("/v1/history?limit=100").then(setPage, setError);
  }, []);
  useEffect(reload, []);
  const more = async () => {
    const next = await get<RevisionPage>(`/v1/history?limit=100&before=${page?.next ?? ""}`);
    setPage({ ...next, revisions: [...(page?.revisions ?? []), ...next.revisions] });
  };
  return { page, error, more, reload };
}

interface DetailsProps {
  readonly revision: Revision;
  readonly latest: number;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

function Details({ revision, latest, onClose, onDone }: DetailsProps) {
  const [to, setTo] = useState<number | undefined>(undefined);
  const { number, at, by, note, changes } = revision;
  if (to !== undefined)
    return <RollBack to={to} onClose={() => setTo(undefined)} onDone={onDone} />;
  const footer = mayEdit.value && (
    <>
      {number !== latest && (
        <Button icon="history" onClick={() => setTo(number)}>
          Go back to this one
        </Button>
      )}
      <Button icon="undo" onClick={() => setTo(number - 1)}>
        Go back to before it
      </Button>
    </>
  );
  return (
    <Dialog title={`Revision ${number}`} place="side" wide onClose={onClose} footer={footer}>
      <Facts
        rows={[
          ["When", `${date(at)} ${clock(at)}`],
          ["By", by],
          ["Why", note],
        ]}
      />
      <Difference changed={changes} />
    </Dialog>
  );
}

/** Says first what goes and what comes back: everything that was changed since. */
function RollBack({
  to,
  onClose,
  onDone,
}: Pick<DetailsProps, "onClose" | "onDone"> & { readonly to: number }) {
  const [result, setResult] = useState<ChangeResult | undefined>(undefined);
  const [trouble, setTrouble] = useState<string | undefined>(undefined);
  useEffect(() => {
    send<ChangeResult>("POST", "/v1/rollback?dryRun=true", { to }).then(
      setResult,
      (error: unknown) => setTrouble(sentenceOf(error)),
    );
  }, [to]);
  const apply = async () => {
    const { revision } = await send<ChangeResult>("POST", "/v1/rollback", { to });
    toast(`It is as it was at revision ${to}.`, "good", {
      label: "Undo",
      run: () => undo(revision).then(() => toast("That is taken back."), toastProblem),
    });
    onDone();
  };
  const title = to === 0 ? "Back to the empty store" : `Back to revision ${to}`;
  const isReady = result !== undefined && result.changed.length > 0;
  const footer = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button kind="primary" icon="history" disabled={!isReady} onClick={apply}>
        Roll back
      </Button>
    </>
  );
  return (
    <Dialog title={title} place="side" wide onClose={onClose} footer={footer}>
      {trouble !== undefined && <Notice tone="bad">{trouble}</Notice>}
      {result === undefined && trouble === undefined && <p class="muted">Looking …</p>}
      {result !== undefined && <Review result={result} />}
    </Dialog>
  );
}
