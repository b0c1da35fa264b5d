// What changes, as text: lines that go and lines that come.

import { Fragment } from "preact";
import { useMemo } from "preact/hooks";
import { Badge } from "../kit/notice.tsx";
import { type ChangedItem, isMapping, writtenOut } from "./item.ts";
import { diffOf } from "./text-diff.ts";
import { print } from "./yaml.ts";
import "../styles/edit.css";

const signs = { same: " ", gone: "-", new: "+", skipped: " " } as const;

export function TextDifference({
  label,
  before,
  after,
}: {
  readonly label: string;
  readonly before: string;
  readonly after: string;
}) {
  const lines = useMemo(() => diffOf(before, after), [before, after]);
  return (
    <pre class="diff" tabIndex={0} role="group" aria-label={label}>
      {lines.map(({ kind, text }, index) => (
        <Fragment key={`${index} ${kind}`}>
          <span class={kind}>
            {signs[kind]} {text}
          </span>
          {"\n"}
        </Fragment>
      ))}
    </pre>
  );
}

/** A short form beside a long one is written out, too: only what it says is compared. */
function textOf(section: string, value: unknown, other: unknown): string {
  if (section !== "routes" && section !== "services" && section !== "tcpRoutes")
    return print(value);
  const isShort = value !== undefined && !isMapping(value) && isMapping(other);
  return print(isShort ? writtenOut(section, value) : value);
}

/** Of one item after the other. */
export function Difference({ changed }: { readonly changed: readonly ChangedItem[] }) {
  if (changed.length === 0) return <p class="muted">Nothing: it already says so.</p>;
  return (
    <>
      {changed.map(({ section, name, before, after }) => (
        <section key={`${section} ${name}`} class="stack tight">
          <div class="row">
            <Badge tone={before === undefined ? "good" : after === undefined ? "bad" : "info"}>
              {before === undefined ? "new" : after === undefined ? "goes" : "changes"}
            </Badge>
            <strong class="wrap">{name}</strong>
            <span class="muted">{section}</span>
          </div>
          <TextDifference
            label={`What changes in ${name}`}
            before={textOf(section, before, after)}
            after={textOf(section, after, before)}
          />
        </section>
      ))}
    </>
  );
}
