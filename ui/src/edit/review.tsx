// What a change would do, before it is made: the difference, the conflicts, and which of the latest requests would go
// elsewhere. The same for one item, for taking it out, and for going back in the history.

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { send, sentenceOf } from "../api/client.ts";
import { count, plural } from "../format.ts";
import { Notice } from "../kit/notice.tsx";
import { Difference } from "./difference.tsx";
import type { ChangedItem, ChangeResult } from "./item.ts";

interface Way {
  readonly route: string;
  readonly service: string;
}

type Difference = "middlewares" | "service";

interface Rehearsed {
  readonly requests: number;
  readonly lost: number;
  readonly changed: readonly {
    readonly from: Way;
    readonly to: Way;
    /** Where both are the same. */
    readonly differs: readonly Difference[];
    readonly count: number;
    readonly example: string;
  }[];
}

type Rehearsal =
  | { readonly kind: "asking" }
  | { readonly kind: "done"; readonly result: Rehearsed }
  | { readonly kind: "failed"; readonly why: string };

/** What changes, as a transaction would be told. */
function changesOf(changed: readonly ChangedItem[]) {
  return changed
    .filter(({ section }) => section !== "certificates")
    .map(({ section, name, after }) =>
      after === undefined ? { section, name } : { section, name, value: after },
    );
}

function useRehearsal(changed: readonly ChangedItem[]): Rehearsal {
  const [state, setState] = useState<Rehearsal>({ kind: "asking" });
  useEffect(() => {
    const stop = new AbortController();
    const changes = changesOf(changed);
    if (changes.length === 0) return;
    send<Rehearsed>("POST", "/v1/rehearsal", { changes }, { signal: stop.signal }).then(
      (result) => setState({ kind: "done", result }),
      (error: unknown) => {
        if (!stop.signal.aborted) setState({ kind: "failed", why: sentenceOf(error) });
      },
    );
    return () => stop.abort();
  }, [changed]);
  return state;
}

export function Review({
  result,
  children,
}: {
  readonly result: ChangeResult;
  readonly children?: ComponentChildren;
}) {
  const { changed, notes } = result;
  return (
    <div class="stack">
      {notes.length > 0 && (
        <Notice tone="warn">
          <strong>{plural(notes.length, "thing")} to know first</strong>
          <ul>
            {notes.map((each) => (
              <li key={each}>{each}</li>
            ))}
          </ul>
        </Notice>
      )}
      <section class="stack tight" aria-label="Difference">
        <h3>What changes</h3>
        <Difference changed={changed} />
      </section>
      {changed.some(isAsked) && <RehearsalPanel changed={changed} />}
      {children}
    </div>
  );
}

/** Certificates and TCP routes lead no request anywhere. */
const isAsked = ({ section }: ChangedItem) => section !== "certificates" && section !== "tcpRoutes";

function RehearsalPanel({ changed }: { readonly changed: readonly ChangedItem[] }) {
  const rehearsal = useRehearsal(changed);
  return (
    <section class="stack tight" aria-label="Latest requests" aria-live="polite">
      <h3>The latest requests with it</h3>
      <Outcome rehearsal={rehearsal} />
    </section>
  );
}

function Outcome({ rehearsal }: { readonly rehearsal: Rehearsal }) {
  if (rehearsal.kind === "asking") return <p class="muted">Trying them …</p>;
  if (rehearsal.kind === "failed") return <p class="muted">Not tried: {rehearsal.why}</p>;
  const { requests, lost, changed } = rehearsal.result;
  if (requests === 0) return <p class="muted">There were none of late to try it with.</p>;
  if (changed.length === 0) {
    return (
      <Notice tone="good">
        All {count(requests)} would take the route and the service that they took, as those were.
      </Notice>
    );
  }
  const sumOf = (some: typeof changed) => some.reduce((sum, each) => sum + each.count, 0);
  const moved = sumOf(changed.filter(({ differs }) => differs.length === 0));
  const others = sumOf(changed) - moved;
  return (
    <>
      <Notice tone={lost > 0 ? "warn" : "info"}>
        {moved > 0 && (
          <>
            {count(moved)} of {plural(requests, "request")} would go elsewhere
            {lost > 0 && `, ${count(lost)} of them would find no route any more`}.{" "}
          </>
        )}
        {others > 0 && (
          <>
            {count(others)} of {plural(requests, "request")} would take the same way and meet
            something else there.
          </>
        )}
      </Notice>
      <ul class="ways">
        {changed.map(({ from, to, differs, count: amount, example }) => (
          <li key={`${from.route} ${from.service} ${to.route} ${to.service}`}>
            <strong>{count(amount)}</strong>{" "}
            {differs.length === 0
              ? `from ${wayText(from)} to ${wayText(to)}`
              : `by ${wayText(to)}, which has ${differs.map((each) => words[each]).join(" and ")}`}
            <div class="muted small wrap">{example}</div>
          </li>
        ))}
      </ul>
    </>
  );
}

const words: Readonly<Record<Difference, string>> = {
  middlewares: "other middlewares",
  service: "another service by that name",
};

function wayText({ route, service }: Way): string {
  if (route === "") return "no route";
  return service === "" || service === route ? route : `${route} (${service})`;
}
