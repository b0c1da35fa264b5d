// Either the login, or the shell with the page that the address names.

import { isConnected } from "./api/client.ts";
import { sessionState } from "./api/session.ts";
import { Login } from "./shell/login.tsx";
import { Shell } from "./shell/shell.tsx";

export function App() {
  const state = sessionState.value;
  switch (state.kind) {
    case "asking":
      return (
        <div class="waiting" role="status">
          {isConnected.value ? "Loading …" : "Tidegate cannot be reached. This page tries again …"}
        </div>
      );
    case "out":
      return <Login why={state.why} />;
    case "in":
      return <Shell />;
  }
}
