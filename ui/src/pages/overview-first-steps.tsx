// What somebody sees who has just started it: three steps to a route that works.

import { mayEdit } from "../api/session.ts";
import { LinkButton } from "../kit/button.tsx";
import { Card } from "../kit/page.tsx";
import { href } from "../router.ts";
import { status } from "../shell/status.ts";

export function FirstSteps() {
  const listener = status.value?.listeners[0];
  const address = listener?.addresses[0];
  const shown = address === undefined ? "" : `http://${hostOf(address.host)}:${address.port}/`;
  return (
    <Card title="Welcome to Tidegate: three steps to a route that works">
      <ol class="steps">
        <li>
          <h3>Add a route</h3>
          <p class="muted">
            Say which host name, or which path of it, leads to which address. Or let it find
            containers and virtual machines by itself.
          </p>
          {mayEdit.value && (
            <LinkButton kind="primary" icon="plus" href={`${href("routes")}?new=1`}>
              Add a route
            </LinkButton>
          )}
          <a href={href("discovery")}>See what was discovered</a>
        </li>
        <li>
          <h3>Try it before it is public</h3>
          <p class="muted">
            Explain says what becomes of a request, step by step: listener, certificate, route,
            middlewares, backend.
          </p>
          <LinkButton icon="explain" href={href("explain")}>
            Explain a request
          </LinkButton>
        </li>
        <li>
          <h3>Watch it work</h3>
          <p class="muted">
            Ask for it, and see the request come by in the same second.
            {shown !== "" && (
              <>
                {" "}
                It listens at <code>{shown}</code>
              </>
            )}
          </p>
          <LinkButton icon="traffic" href={href("traffic")}>
            Watch traffic
          </LinkButton>
        </li>
      </ol>
    </Card>
  );
}

/** As somebody on the same machine reaches it. */
function hostOf(host: string): string {
  if (host === "0.0.0.0" || host === "::" || host === "") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}
