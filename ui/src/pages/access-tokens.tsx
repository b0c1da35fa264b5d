// Tokens: one's own, or of everybody for administrators.

import { useState } from "preact/hooks";
import { send } from "../api/client.ts";
import { usePolled } from "../api/polled.ts";
import { type Role, session } from "../api/session.ts";
import { date, plural, since } from "../format.ts";
import { Button } from "../kit/button.tsx";
import { confirm, Dialog } from "../kit/dialog.tsx";
import { SelectField, TextField } from "../kit/field.tsx";
import { Badge, Empty, Failed } from "../kit/notice.tsx";
import { Card } from "../kit/page.tsx";
import { type Column, Table } from "../kit/table.tsx";
import { toast } from "../kit/toast.ts";
import { Secret } from "./access-secret.tsx";

interface Token {
  readonly id: string;
  readonly user: string;
  readonly name: string;
  readonly role: Role;
  readonly created: string;
  readonly expires: string;
  readonly used: string | null;
}

/** What each role may; the lesser ones are in the greater. */
const roleWords: Readonly<Record<Role, string>> = {
  read: "read: see everything but secrets",
  edit: "edit: also change what is routed",
  admin: "admin: also users, tokens and workers",
};

const roles = ["read", "edit", "admin"] as const;

/** Those that this user may give. */
export function rolesFor(role: Role): readonly (readonly [Role, string])[] {
  return roles
    .slice(0, roles.indexOf(role) + 1)
    .map((each): [Role, string] => [each, roleWords[each]]);
}

export const roleOf = (text: string): Role => roles.find((each) => each === text) ?? "read";

function columnsWith(revoke: (token: Token) => void): readonly Column<Token>[] {
  return [
    {
      ...{ id: "name", title: "For", width: "3fr" },
      cell: ({ name, id }) => <strong class="ellipsis">{name === "" ? id : name}</strong>,
      sortBy: ({ name }) => name,
    },
    {
      ...{ id: "user", title: "User", rank: 2, width: "2fr" },
      cell: ({ user }) => <span class="ellipsis">{user}</span>,
      sortBy: ({ user }) => user,
    },
    { id: "role", title: "Role", width: "5rem", cell: ({ role }) => <Badge>{role}</Badge> },
    {
      ...{ id: "used", title: "Used", rank: 3, width: "8rem" },
      cell: ({ used }) => (used === null ? <span class="muted">never</span> : `${since(used)} ago`),
    },
    {
      ...{ id: "expires", title: "Good until", rank: 2, width: "8rem" },
      cell: ({ expires }) => date(expires),
      sortBy: ({ expires }) => expires,
    },
    {
      ...{ id: "do", title: "", align: "end", width: "6.5rem" },
      cell: (token) => (
        <Button small icon="trash" onClick={() => revoke(token)}>
          Revoke
        </Button>
      ),
    },
  ];
}

export function TokenList() {
  const { data, error, reload } = usePolled<readonly Token[]>("/v1/tokens", 15_000);
  const [isAdding, setAdding] = useState(false);
  const [secret, setSecret] = useState<string | undefined>(undefined);
  const revoke = ({ id, name }: Token) =>
    confirm({
      title: `Revoke ${name === "" ? id : name}?`,
      text: "Whatever uses it is refused from the next request on.",
      action: "Revoke",
      isDanger: true,
      async perform() {
        await send("DELETE", `/v1/tokens/${encodeURIComponent(id)}`);
        toast("It is revoked.");
        reload();
      },
    });
  return (
    <Card
      title="Tokens"
      padded={false}
      actions={
        <Button small kind="primary" icon="plus" onClick={() => setAdding(true)}>
          Make a token
        </Button>
      }
    >
      {data === undefined && error !== undefined ? (
        <Failed what="Tokens" error={error} />
      ) : (
        <Table
          label="Tokens"
          columns={columnsWith(revoke)}
          rows={data ?? []}
          keyOf={({ id }) => id}
          rowHeight={44}
          empty={
            <Empty icon="user" title={data === undefined ? "Loading …" : "No token"}>
              A script that asks the API sends one in the place of a password.
            </Empty>
          }
          foot={data === undefined ? undefined : plural(data.length, "token")}
        />
      )}
      {isAdding && (
        <Add
          onClose={() => setAdding(false)}
          onMade={(made) => {
            setAdding(false);
            setSecret(made);
            reload();
          }}
        />
      )}
      {secret !== undefined && (
        <Secret
          title="The token"
          about="Send it as Authorization: Bearer."
          secret={secret}
          onClose={() => setSecret(undefined)}
        />
      )}
    </Card>
  );
}

interface AddProps {
  readonly onClose: () => void;
  readonly onMade: (secret: string) => void;
}

function Add({ onClose, onMade }: AddProps) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("read");
  const [days, setDays] = useState("90");
  const make = async () => {
    const sent = { name, role, days: Number(days) };
    const { secret } = await send<{ secret: string }>("POST", "/v1/tokens", sent);
    onMade(secret);
  };
  const footer = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button kind="primary" disabled={name === "" || !/^\d+$/.test(days)} onClick={make}>
        Make it
      </Button>
    </>
  );
  return (
    <Dialog title="Make a token" onClose={onClose} footer={footer}>
      <TextField label="What it is for" value={name} onInput={setName} />
      <SelectField
        label="Role"
        hint="It may never do more than you may."
        value={role}
        options={rolesFor(session.value?.role ?? "read")}
        onInput={(text) => setRole(roleOf(text))}
      />
      <TextField
        label="Days that it is good"
        value={days}
        onInput={setDays}
        input={{ inputMode: "numeric" }}
      />
    </Dialog>
  );
}
