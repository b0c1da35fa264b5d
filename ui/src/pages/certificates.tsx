// Certificates: those of files and of the store, and those that are had by themselves; how it stands with each.

import { useState } from "preact/hooks";
import type { CertificateRow } from "../../../src/admin/operations.ts";
import { send, sentenceOf } from "../api/client.ts";
import { usePolled } from "../api/polled.ts";
import { mayEdit } from "../api/session.ts";
import { date, plural, span } from "../format.ts";
import { Button } from "../kit/button.tsx";
import { confirm, Dialog } from "../kit/dialog.tsx";
import { AreaField, TextField } from "../kit/field.tsx";
import { isWanted, ListFilter } from "../kit/list-filter.tsx";
import { Badge, Empty, Failed, Notice, type Tone } from "../kit/notice.tsx";
import { Card, Facts, Page } from "../kit/page.tsx";
import { type Column, Table } from "../kit/table.tsx";
import { toast } from "../kit/toast.ts";

const tones: Readonly<Record<CertificateRow["state"], Tone>> = {
  ok: "good",
  "expires soon": "warn",
  expired: "bad",
  "not yet valid": "warn",
  unusable: "bad",
  ordering: "info",
  waiting: "warn",
};

/** How long it lasts, in words; "" = there is none yet. */
function left({ until }: CertificateRow): string {
  if (until === undefined) return "";
  const ms = Date.parse(until) - Date.now();
  return ms < 0 ? `ended ${span(-ms)} ago` : `${span(ms)} left`;
}

const titleOf = ({ names, source }: CertificateRow) => names[0] ?? source;

const columns: readonly Column<CertificateRow>[] = [
  {
    ...{ id: "names", title: "Names", width: "3fr" },
    cell: (row) => (
      <span class="ellipsis" title={row.names.join(", ")}>
        <strong>{titleOf(row)}</strong>
        {row.names.length > 1 && <span class="muted"> and {row.names.length - 1} more</span>}
      </span>
    ),
    sortBy: titleOf,
  },
  {
    ...{ id: "state", title: "State", width: "8rem" },
    cell: ({ state }) => (
      <Badge tone={tones[state]} dotted>
        {state}
      </Badge>
    ),
    sortBy: ({ state }) => state,
  },
  {
    ...{ id: "until", title: "Lasts", rank: 2, width: "9rem" },
    cell: (row) => <span title={date(row.until)}>{left(row)}</span>,
    sortBy: ({ until }) => until ?? "",
  },
  {
    ...{ id: "issuer", title: "Signed by", rank: 2, width: "2fr" },
    cell: ({ issuer }) => <span class="ellipsis">{issuer}</span>,
    sortBy: ({ issuer }) => issuer,
  },
  {
    ...{ id: "source", title: "From", rank: 3, width: "2fr" },
    cell: ({ source }) => <span class="ellipsis muted">{source}</span>,
  },
];

const keyOf = ({ source, fingerprint = "", names }: CertificateRow) =>
  [source, fingerprint, ...names].join("\n");

export function CertificatesPage() {
  const { data, error, reload } = usePolled<readonly CertificateRow[]>("/v1/certificates", 10_000);
  const [open, setOpen] = useState<string | undefined>(undefined);
  const [isAdding, setAdding] = useState(false);
  const rows = (data ?? []).filter((each) =>
    isWanted(...each.names, each.state, each.issuer, each.source),
  );
  const chosen = data?.find((each) => keyOf(each) === open);
  return (
    <Page
      title="Certificates"
      about="Those with tls: auto are had and renewed by themselves. Keys are never shown."
      actions={
        mayEdit.value && (
          <Button icon="plus" kind="primary" onClick={() => setAdding(true)}>
            Add
          </Button>
        )
      }
    >
      <Card title="All certificates" padded={false} actions={<ListFilter />}>
        {data === undefined && error !== undefined ? (
          <Failed what="Certificates" error={error} />
        ) : (
          <Table
            label="Certificates"
            columns={columns}
            rows={rows}
            keyOf={keyOf}
            onOpen={(row) => setOpen(keyOf(row))}
            empty={<Nothing isLoading={data === undefined} hasAny={(data?.length ?? 0) > 0} />}
            foot={data === undefined ? undefined : plural(rows.length, "certificate")}
          />
        )}
      </Card>
      {chosen !== undefined && (
        <Details row={chosen} onClose={() => setOpen(undefined)} onChange={reload} />
      )}
      {isAdding && (
        <Add
          onClose={() => {
            setAdding(false);
            reload();
          }}
        />
      )}
    </Page>
  );
}

function Nothing({ isLoading, hasAny }: { readonly isLoading: boolean; readonly hasAny: boolean }) {
  if (isLoading) return <Empty icon="certificates" title="Loading …" />;
  if (hasAny) return <Empty icon="certificates" title="None like that" />;
  return (
    <Empty icon="certificates" title="No certificate">
      A route with <code>tls: auto</code> gets one by itself; others are added here, or as files.
    </Empty>
  );
}

interface DetailsProps {
  readonly row: CertificateRow;
  readonly onClose: () => void;
  readonly onChange: () => void;
}

function Details({ row, onClose, onChange }: DetailsProps) {
  const isOwn = row.item !== undefined;
  const renew = async () => {
    const which = row.fingerprint ?? row.names[0] ?? "";
    const path = `/v1/certificates/${encodeURIComponent(which)}/renew`;
    const { message } = await send<{ message: string }>("POST", path);
    toast(message);
    onChange();
  };
  const remove = () =>
    confirm({
      title: `Take ${row.item ?? ""} out?`,
      text: "Clients that ask for its names are shown another certificate, or none.",
      action: "Take out",
      isDanger: true,
      async perform() {
        await send("DELETE", `/v1/certificates/${encodeURIComponent(row.item ?? "")}`);
        toast("It is gone.");
        onClose();
        onChange();
      },
    });
  const footer = mayEdit.value && (
    <>
      {isOwn && (
        <Button kind="danger" icon="trash" onClick={remove}>
          Take out
        </Button>
      )}
      {!isOwn && row.source.startsWith("acme") && (
        <Button icon="refresh" onClick={renew}>
          Renew now
        </Button>
      )}
    </>
  );
  return (
    <Dialog title={titleOf(row)} place="side" onClose={onClose} footer={footer}>
      {row.why !== "" && <Notice tone={row.state === "ok" ? "info" : "warn"}>{row.why}</Notice>}
      <Facts
        rows={[
          [
            "State",
            <Badge key="state" tone={tones[row.state]} dotted>
              {row.state}
            </Badge>,
          ],
          ["Names", row.names.join(", ")],
          ["Valid from", row.from === undefined ? undefined : date(row.from)],
          ["Valid until", row.until === undefined ? undefined : `${date(row.until)}, ${left(row)}`],
          ["Signed by", row.issuer],
          ["Kind of key", row.kind === undefined ? undefined : row.kind.toUpperCase()],
          ["From", row.source],
          ["Name in the store", row.item],
          ["Needed", row.isNeeded ? "yes, a route leads there" : "no"],
          [
            "SHA-256",
            row.fingerprint === undefined ? undefined : <code key="f">{row.fingerprint}</code>,
          ],
        ]}
      />
    </Dialog>
  );
}

function Add({ onClose }: { readonly onClose: () => void }) {
  const [name, setName] = useState("");
  const [cert, setCert] = useState("");
  const [key, setKey] = useState("");
  const [fault, setFault] = useState<string | undefined>(undefined);
  const add = async () => {
    setFault(undefined);
    try {
      await send("PUT", `/v1/certificates/${encodeURIComponent(name)}`, { cert, key });
      toast(`${name} is shown to clients from now on.`);
      onClose();
    } catch (error) {
      setFault(sentenceOf(error));
    }
  };
  const footer = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button kind="primary" disabled={name === "" || cert === "" || key === ""} onClick={add}>
        Add
      </Button>
    </>
  );
  return (
    <Dialog title="Add a certificate" wide onClose={onClose} footer={footer}>
      <TextField
        label="Name"
        value={name}
        onInput={setName}
        hint="What it is called here; the names it is for are in it."
      />
      <AreaField
        label="Certificate and those that signed it"
        value={cert}
        onInput={setCert}
        rows={7}
        mono
        placeholder="-----BEGIN CERTIFICATE-----"
      />
      <AreaField
        label="Private key"
        value={key}
        onInput={setKey}
        rows={5}
        mono
        placeholder="-----BEGIN PRIVATE KEY-----"
      />
      {fault !== undefined && <Notice tone="bad">{fault}</Notice>}
    </Dialog>
  );
}
