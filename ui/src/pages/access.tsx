// Who may use this: users, tokens of scripts, and who did what.

import { isAdmin } from "../api/session.ts";
import { Page } from "../kit/page.tsx";
import { Tabs } from "../kit/tabs.tsx";
import { place, setQuery } from "../router.ts";
import { AuditList } from "./access-audit.tsx";
import { TokenList } from "./access-tokens.tsx";
import { UserList } from "./access-users.tsx";

export function AccessPage() {
  const tabs = [
    { id: "tokens", title: "Tokens", content: () => <TokenList /> },
    ...(isAdmin.value
      ? [
          { id: "users", title: "Users", content: () => <UserList /> },
          { id: "audit", title: "Audit", content: () => <AuditList /> },
        ]
      : []),
  ];
  return (
    <Page title="Access" about="Tokens let scripts in, passwords let people in.">
      <Tabs
        label="Access"
        tabs={tabs}
        open={place.value.query.get("tab") ?? "tokens"}
        onOpen={(id) => setQuery("tab", id === "tokens" ? "" : id)}
      />
    </Page>
  );
}
