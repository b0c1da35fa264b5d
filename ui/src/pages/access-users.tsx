// Users: for administrators.

import { useState } from "preact/hooks";
import { send } from "../api/client.ts";
import { usePolled } from "../api/polled.ts";
import { type Role, session } from "../api/session.ts";
import { date, plural } from "../format.ts";
import { Button } from "../kit/button.tsx";
import { confirm, Dialog } from "../kit/dialog.tsx";
import { SelectField, TextField } from "../kit/field.tsx";
import { Badge, Empty, Failed } from "../kit/notice.tsx";
import { Card } from "../kit/page.tsx";
import { type Column, Table } from "../kit/table.tsx";
import { toast } from "../kit/toast.ts";
import { Secret } from "./access-secret.tsx";
import { roleOf, rolesFor } from "./access-tokens.tsx";

interface User {
  readonly name: string;
  readonly role: Role;
  readonly created: string;
}

interface Made {
  readonly name: string;
  /** null = it was given. */
  readonly password: string | null;
}

interface Orders {
  readonly renew: (user: User) => void;
  readonly remove: (user: User) => void;
}

function columnsWith({ renew, remove }: Orders): readonly Column<User>[] {
  return [
    {
      ...{ id: "name", title: "Name", width: "2fr" },
      cell: ({ name }) => <strong class="ellipsis">{name}</strong>,
      sortBy: ({ name }) => name,
    },
    { id: "role", title: "Role", width: "5rem", cell: ({ role }) => <Badge>{role}</Badge> },
    {
      ...{ id: "created", title: "Since", rank: 2, width: "8rem" },
      cell: ({ created }) => date(created),
      sortBy: ({ created }) => created,
    },
    {
      ...{ id: "do", title: "", align: "end", width: "13rem", phoneWidth: "6rem" },
      cell: (user) => (
        <div class="row">
          <Button
            small
            icon="refresh"
            label={`New password for ${user.name}`}
            onClick={() => renew(user)}
          />
          <Button
            small
            icon="trash"
            label={`Remove ${user.name}`}
            disabled={user.name === session.value?.user}
            onClick={() => remove(user)}
          />
        </div>
      ),
    },
  ];
}

export function UserList() {
  const { data, error, reload } = usePolled<readonly User[]>("/v1/users", 15_000);
  const [isAdding, setAdding] = useState(false);
  const [made, setMade] = useState<Made | undefined>(undefined);
  const renew = ({ name }: User) =>
    confirm({
      title: `A new password for ${name}?`,
      text: "The old one is good for nothing then, and whoever is logged in with it is logged out.",
      action: "Make a new one",
      async perform() {
        const path = `/v1/users/${encodeURIComponent(name)}/password`;
        setMade(await send<Made>("PUT", path, {}));
      },
    });
  const remove = ({ name }: User) =>
    confirm({
      title: `Remove ${name}?`,
      text: "Sessions and tokens of this user end at once.",
      action: "Remove",
      isDanger: true,
      async perform() {
        await send("DELETE", `/v1/users/${encodeURIComponent(name)}`);
        toast(`${name} is removed.`);
        reload();
      },
    });
  const added = (user: Made) => {
    setAdding(false);
    if (user.password === null) toast(`${user.name} may log in.`);
    else setMade(user);
    reload();
  };
  return (
    <Card
      title="Users"
      padded={false}
      actions={
        <Button small kind="primary" icon="plus" onClick={() => setAdding(true)}>
          Add a user
        </Button>
      }
    >
      {data === undefined && error !== undefined ? (
        <Failed what="Users" error={error} />
      ) : (
        <Table
          label="Users"
          columns={columnsWith({ renew, remove })}
          rows={data ?? []}
          keyOf={({ name }) => name}
          rowHeight={44}
          empty={<Empty icon="user" title={data === undefined ? "Loading …" : "No user"} />}
          foot={data === undefined ? undefined : plural(data.length, "user")}
        />
      )}
      {isAdding && <Add onClose={() => setAdding(false)} onMade={added} />}
      {made?.password !== undefined && made.password !== null && (
        <Secret
          title={`Password of ${made.name}`}
          about="Give it to whom it is for."
          secret={made.password}
          onClose={() => setMade(undefined)}
        />
      )}
    </Card>
  );
}

interface AddProps {
  readonly onClose: () => void;
  readonly onMade: (made: Made) => void;
}

function Add({ onClose, onMade }: AddProps) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("read");
  const [password, setPassword] = useState("");
  const add = async () => {
    const sent = { name, role, ...(password === "" ? {} : { password }) };
    onMade(await send<Made>("POST", "/v1/users", sent));
  };
  const footer = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button kind="primary" disabled={name === ""} onClick={add}>
        Add
      </Button>
    </>
  );
  return (
    <Dialog title="Add a user" onClose={onClose} footer={footer}>
      <TextField label="Name" value={name} onInput={setName} input={{ autocomplete: "off" }} />
      <SelectField
        label="Role"
        value={role}
        options={rolesFor("admin")}
        onInput={(text) => setRole(roleOf(text))}
      />
      <TextField
        label="Password"
        hint="Without one it is made, and shown once."
        value={password}
        onInput={setPassword}
        input={{ type: "password", autocomplete: "new-password" }}
      />
    </Dialog>
  );
}
