// The processes that serve: what each carries, and how to have others or more of them.

import { useState } from "preact/hooks";
import type { Status, WorkerRow } from "../../../src/admin/operations.ts";
import { send } from "../api/client.ts";
import { usePolled } from "../api/polled.ts";
import { isAdmin } from "../api/session.ts";
import { bytes, count, since } from "../format.ts";
import { Button } from "../kit/button.tsx";
import { confirm, Dialog } from "../kit/dialog.tsx";
import { Choice, TextField } from "../kit/field.tsx";
import { Badge, Empty, Failed, Notice, Progress, type Tone } from "../kit/notice.tsx";
import { Card, Page, Stat } from "../kit/page.tsx";
import { type Column, Table } from "../kit/table.tsx";
import { toast } from "../kit/toast.ts";
import { refreshStatus, status } from "../shell/status.ts";

const tones: Readonly<Record<WorkerRow["state"], Tone>> = {
  starting: "info",
  live: "good",
  leaving: "warn",
};

const columns: readonly Column<WorkerRow>[] = [
  {
    id: "slot",
    title: "Place",
    width: "4rem",
    cell: ({ slot }) => slot + 1,
    sortBy: (row) => row.slot,
  },
  {
    ...{ id: "state", title: "State", width: "6.5rem" },
    cell: ({ state }) => (
      <Badge tone={tones[state]} dotted>
        {state}
      </Badge>
    ),
  },
  { id: "pid", title: "Process", rank: 2, cell: ({ pid }) => <code>{pid}</code> },
  {
    ...{ id: "connections", title: "Connections", align: "end", rank: 2 },
    cell: ({ counts }) => count(counts.connections),
    sortBy: ({ counts }) => counts.connections,
  },
  {
    ...{ id: "open", title: "Open", align: "end" },
    cell: ({ counts }) => count(counts.exchanges + counts.tunnels),
    sortBy: ({ counts }) => counts.exchanges + counts.tunnels,
  },
  {
    ...{ id: "answered", title: "Answered", align: "end", rank: 2 },
    cell: ({ counts }) => count(counts.answered),
    sortBy: ({ counts }) => counts.answered,
  },
  {
    ...{ id: "memory", title: "Memory", align: "end" },
    cell: ({ memory }) => bytes(memory),
    sortBy: ({ memory }) => memory,
  },
  { id: "since", title: "For", rank: 2, cell: (row) => since(row.since) },
  {
    ...{ id: "snapshot", title: "Configuration", rank: 3, align: "end" },
    cell: ({ snapshot }) => snapshot,
  },
  {
    ...{ id: "reason", title: "Why", rank: 3, width: "2fr" },
    cell: ({ reason }) => <span title={reason}>{reason ?? ""}</span>,
  },
];

export function WorkersPage() {
  const { data, error, reload } = usePolled<readonly WorkerRow[]>("/v1/workers", 2000);
  const [isResizing, setResizing] = useState(false);
  const now = status.value;
  return (
    <Page
      title="Workers"
      about="The processes that serve. One that fails is replaced by itself; what runs is finished first."
      actions={
        isAdmin.value && (
          <>
            <Button icon="refresh" onClick={askToRestart}>
              Replace all
            </Button>
            <Button icon="workers" onClick={() => setResizing(true)}>
              Resize
            </Button>
          </>
        )
      }
    >
      <WorkerStats rows={data ?? []} now={now} />
      <Rolling rows={data ?? []} now={now} />
      <Card title="Processes" padded={false}>
        {data === undefined && error !== undefined ? (
          <Failed what="Workers" error={error} />
        ) : (
          <Table
            label="Workers"
            columns={columns}
            rows={data ?? []}
            keyOf={({ pid }) => pid}
            sort="slot"
            empty={<Empty icon="workers" title={data === undefined ? "Loading …" : "No worker"} />}
          />
        )}
      </Card>
      {isResizing && (
        <Resize
          current={now?.workers.wanted ?? 0}
          onClose={() => {
            setResizing(false);
            reload();
            refreshStatus();
          }}
        />
      )}
    </Page>
  );
}

interface StatsProps {
  readonly rows: readonly WorkerRow[];
  readonly now: Status | undefined;
}

function WorkerStats({ rows, now }: StatsProps) {
  const live = rows.filter(({ state }) => state === "live").length;
  const wanted = now?.workers.wanted;
  const isFewer = wanted !== undefined && rows.length > 0 && live < wanted;
  return (
    <div class="stats">
      <Stat
        name="Workers"
        value={live}
        unit={wanted === undefined ? "" : `of ${wanted}`}
        tone={isFewer ? "warn" : undefined}
      />
      <Stat name="Memory, all processes" value={bytes(now?.memory)} />
      <Stat name="Connections" value={count(now?.counts.connections)} />
      <Stat name="Answered" value={count(now?.counts.answered)} note="since the start" />
    </div>
  );
}

/** While workers take over from others. */
function Rolling({ rows, now }: StatsProps) {
  const leaving = rows.filter(({ state }) => state === "leaving").length;
  const starting = rows.filter(({ state }) => state === "starting").length;
  const wanted = now?.workers.wanted ?? 0;
  if (leaving + starting === 0 || wanted === 0) return null;
  const live = rows.filter(({ state }) => state === "live").length;
  return (
    <Progress
      label={`${live} of ${wanted} live, ${starting} starting, ${leaving} finishing what they carry`}
      value={Math.min(1, live / wanted)}
    />
  );
}

function askToRestart(): void {
  confirm({
    title: "Replace all workers?",
    text: "One by one, by such that run the code now on disk. No connection is refused; what runs is finished first.",
    action: "Replace",
    async perform() {
      const { message } = await send<{ message: string }>("POST", "/v1/restart");
      toast(message);
    },
  });
}

function Resize({ current, onClose }: { readonly current: number; readonly onClose: () => void }) {
  const [kind, setKind] = useState<"number" | "auto">("number");
  const [text, setText] = useState(String(current));
  const [isBusy, setBusy] = useState(false);
  const [fault, setFault] = useState<string | undefined>(undefined);
  const apply = async () => {
    setFault(undefined);
    setBusy(true);
    try {
      const size = kind === "auto" ? "auto" : Number(text);
      const { message } = await send<{ message: string }>("PUT", "/v1/workers", { size });
      toast(message);
      onClose();
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  const footer = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button kind="primary" onClick={apply}>
        Resize
      </Button>
    </>
  );
  return (
    <Dialog title="Resize" onClose={onClose} footer={footer}>
      <Choice
        label="How many"
        value={kind}
        options={[
          ["number", "A number"],
          ["auto", "One for each core"],
        ]}
        onInput={setKind}
      />
      {kind === "number" && (
        <TextField
          label="Workers"
          value={text}
          onInput={setText}
          input={{ type: "number", min: 1, max: 1024 }}
          hint="Until the configuration says another number, or the program is started again."
        />
      )}
      {isBusy && <Progress label="Workers take over from each other …" />}
      {fault !== undefined && <Notice tone="bad">{fault}</Notice>}
    </Dialog>
  );
}
