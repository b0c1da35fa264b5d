// Records: whole requests of a route with their answers, kept for a while because an administrator asked for it. Here they are
// begun, read and taken away; `tidegate replay` sends them to another backend.

import { useState } from "preact/hooks";
import type { RecordedExchange } from "../../../src/traffic/recorded.ts";
import type { RecordRow } from "../../../src/admin/traffic-records.ts";
import { get, send, sentenceOf } from "../api/client.ts";
import { usePolled } from "../api/polled.ts";
import { bytes, clock, count, duration, plural, since } from "../format.ts";
import { Button } from "../kit/button.tsx";
import { confirm, Dialog } from "../kit/dialog.tsx";
import { Switch, TextField } from "../kit/field.tsx";
import { Badge, Empty, Failed, Notice } from "../kit/notice.tsx";
import { Card, Facts, Page } from "../kit/page.tsx";
import { type Column, Table } from "../kit/table.tsx";
import { toast, toastProblem } from "../kit/toast.ts";
import { go, place } from "../router.ts";

const columns: readonly Column<RecordRow>[] = [
  {
    ...{ id: "route", title: "Route", width: "2fr" },
    cell: ({ route }) => <strong class="ellipsis">{route}</strong>,
  },
  {
    ...{ id: "state", title: "State", width: "7.5rem" },
    cell: ({ state }) => (
      <Badge tone={state === "recording" ? "info" : "plain"} dotted>
        {state}
      </Badge>
    ),
  },
  {
    ...{ id: "exchanges", title: "Requests", align: "end", width: "6rem" },
    cell: (row) => `${count(row.exchanges)} of ${count(row.count)}`,
  },
  {
    ...{ id: "bytes", title: "Size", align: "end", rank: 2, width: "6rem" },
    cell: (row) => bytes(row.bytes),
  },
  { ...{ id: "by", title: "By", rank: 2 }, cell: ({ by }) => <span class="ellipsis">{by}</span> },
  { ...{ id: "since", title: "Begun", rank: 2 }, cell: (row) => `${since(row.since)} ago` },
];

export function RecordsPage() {
  const { data, error, reload } = usePolled<readonly RecordRow[]>("/v1/records", 2000);
  const [isBeginning, setBeginning] = useState(false);
  const chosen = data?.find(({ id }) => id === place.value.rest[0]);
  return (
    <Page
      title="Records"
      about="Whole requests with their answers, in memory only. What lets somebody in is left out unless you ask for it."
      actions={
        <Button icon="plus" kind="primary" onClick={() => setBeginning(true)}>
          Record a route
        </Button>
      }
    >
      <Card title="All records" padded={false}>
        {data === undefined && error !== undefined ? (
          <Failed what="Records" error={error} />
        ) : (
          <Table
            label="Records"
            columns={columns}
            rows={data ?? []}
            keyOf={({ id }) => id}
            onOpen={({ id }) => go("records", id)}
            empty={
              <Empty
                icon="history"
                title={data === undefined ? "Loading …" : "Nothing was recorded"}
              >
                Recording the next requests of a route shows what its backend is really asked, and
                answers.
              </Empty>
            }
          />
        )}
      </Card>
      {isBeginning && (
        <Begin
          onClose={() => {
            setBeginning(false);
            reload();
          }}
        />
      )}
      {chosen !== undefined && (
        <Details row={chosen} onClose={() => go("records")} onChange={reload} />
      )}
    </Page>
  );
}

function Begin({ onClose }: { readonly onClose: () => void }) {
  const [route, setRoute] = useState("");
  const [most, setMost] = useState("100");
  const [minutes, setMinutes] = useState("10");
  const [withSecrets, setSecrets] = useState(false);
  const [fault, setFault] = useState<string | undefined>(undefined);
  const begin = async () => {
    setFault(undefined);
    try {
      const time = Math.round(Number(minutes) * 60_000);
      await send("POST", "/v1/records", { route, count: Number(most), time, withSecrets });
      toast("It records the next requests of this route.");
      onClose();
    } catch (error) {
      setFault(sentenceOf(error));
    }
  };
  const footer = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button kind="primary" disabled={route === ""} onClick={begin}>
        Record
      </Button>
    </>
  );
  return (
    <Dialog title="Record a route" onClose={onClose} footer={footer}>
      <TextField label="Route" value={route} onInput={setRoute} hint="Its name, as in Routes." />
      <TextField
        label="Requests"
        value={most}
        onInput={setMost}
        input={{ type: "number", min: 1, max: 1000 }}
      />
      <TextField
        label="Minutes at most"
        value={minutes}
        onInput={setMinutes}
        input={{ type: "number", min: 1, max: 60 }}
      />
      <Switch label="Keep cookies and credentials, too" value={withSecrets} onInput={setSecrets} />
      {withSecrets && (
        <Notice tone="warn">Whoever reads the record can act in the name of your users.</Notice>
      )}
      {fault !== undefined && <Notice tone="bad">{fault}</Notice>}
    </Dialog>
  );
}

interface DetailsProps {
  readonly row: RecordRow;
  readonly onClose: () => void;
  readonly onChange: () => void;
}

function Details({ row, onClose, onChange }: DetailsProps) {
  const { id, state } = row;
  const path = `/v1/records/${encodeURIComponent(id)}`;
  const { data, error } = usePolled<{ exchanges: readonly RecordedExchange[] }>(
    path,
    state === "recording" ? 2000 : 0,
  );
  const end = () => send("POST", `${path}/end`).then(onChange, toastProblem);
  const save = async () =>
    saveFile(`tidegate-${id}.har`, JSON.stringify(await get(`${path}?format=har`)));
  const copy = async () => {
    const commands = await get<readonly string[]>(`${path}?format=curl`);
    await navigator.clipboard.writeText(commands.join("\n"));
    toast("The commands are in the clipboard.");
  };
  const remove = () =>
    confirm({
      title: "Delete the record?",
      text: "What was recorded is gone then.",
      action: "Delete",
      isDanger: true,
      async perform() {
        await send("DELETE", path);
        onClose();
        onChange();
      },
    });
  const footer = (
    <>
      <Button kind="danger" icon="trash" onClick={remove}>
        Delete
      </Button>
      <Button icon="copy" onClick={copy}>
        Copy as curl
      </Button>
      <Button icon="down" onClick={save}>
        Save as HAR
      </Button>
      {state === "recording" && (
        <Button kind="primary" icon="pause" onClick={end}>
          End
        </Button>
      )}
    </>
  );
  return (
    <Dialog title={row.route} place="side" wide onClose={onClose} footer={footer}>
      <Facts
        rows={[
          ["State", row.ended === "" ? state : `${state}: ${row.ended}`],
          ["Requests", `${count(row.exchanges)} of ${count(row.count)}`],
          ["Size", bytes(row.bytes)],
          ["By", row.by],
          ["Secrets", row.withSecrets ? "are kept" : "are left out"],
        ]}
      />
      {data === undefined && error !== undefined && <Failed what="The record" error={error} />}
      {(data?.exchanges ?? []).slice(0, mostShown).map((each, at) => (
        <Exchange key={at} exchange={each} />
      ))}
      {(data?.exchanges.length ?? 0) > mostShown && (
        <p class="muted">
          and {plural((data?.exchanges.length ?? 0) - mostShown, "request")} more: the file has all
        </p>
      )}
    </Dialog>
  );
}

/** Nobody reads more of them in a panel. */
const mostShown = 100;

function Exchange({ exchange: { entry, target, fields, answer, body } }: ExchangeProps) {
  return (
    <details>
      <summary>
        <span class="muted">{clock(entry.time)}</span> <code>{entry.method}</code>{" "}
        <code class="ellipsis">{target}</code>{" "}
        <Badge tone={entry.status >= 500 ? "bad" : entry.status >= 400 ? "warn" : "good"}>
          {entry.status}
        </Badge>{" "}
        <span class="muted">{duration(entry.duration)}</span>
      </summary>
      <pre tabIndex={0}>{linesOf(fields)}</pre>
      {body.bytes > 0 && <p class="muted">with a body of {bytes(body.bytes)}</p>}
      <h3>Answer</h3>
      <pre tabIndex={0}>{linesOf(answer.fields)}</pre>
      {answer.body.bytes > 0 && <p class="muted">with a body of {bytes(answer.body.bytes)}</p>}
    </details>
  );
}

interface ExchangeProps {
  readonly exchange: RecordedExchange;
}

const linesOf = (fields: RecordedExchange["fields"]) =>
  fields.map(([name, value]) => `${name}: ${value}`).join("\n");

function saveFile(name: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
