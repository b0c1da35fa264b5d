// The frame of a page's content: its head, cards, numbers, and lists of facts.

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

export interface PageProps {
  readonly title: string;
  /** A sentence for who is here the first time. */
  readonly about?: ComponentChildren;
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Page({ title, about, actions, children }: PageProps) {
  return (
    <div class="stack">
      <div class="page-head">
        <h1>{title}</h1>
        {actions !== undefined && <div class="actions">{actions}</div>}
        {about !== undefined && <p>{about}</p>}
      </div>
      {children}
    </div>
  );
}

export interface CardProps {
  readonly title?: string;
  /** At the end of the head. */
  readonly actions?: ComponentChildren;
  /** false: what is inside goes to the edge, as tables do. */
  readonly padded?: boolean;
  readonly children: ComponentChildren;
}

export function Card({ title, actions, padded = true, children }: CardProps) {
  const id = useId();
  return (
    <section class="card" aria-labelledby={title === undefined ? undefined : id}>
      {title !== undefined && (
        <header>
          <h2 id={id}>{title}</h2>
          <span class="push" />
          {actions}
        </header>
      )}
      {padded ? <div class="inside">{children}</div> : children}
    </section>
  );
}

export interface StatProps {
  readonly name: string;
  readonly value: ComponentChildren;
  readonly unit?: string;
  readonly note?: ComponentChildren;
  readonly tone?: "good" | "warn" | "bad" | undefined;
}

export function Stat({ name, value, unit, note, tone }: StatProps) {
  return (
    <dl class="card stat">
      <dt>{name}</dt>
      <dd class={`value ${tone ?? ""}`}>
        {value}
        {unit !== undefined && <small> {unit}</small>}
      </dd>
      {note !== undefined && <dd class="note">{note}</dd>}
    </dl>
  );
}

/** Those without a value are left out. */
export function Facts({
  rows,
}: {
  readonly rows: readonly (readonly [name: string, value: ComponentChildren])[];
}) {
  const known = rows.filter(([, value]) => value !== undefined && value !== null && value !== "");
  return (
    <dl class="facts">
      {known.map(([name, value]) => [
        <dt key={`${name}-`}>{name}</dt>,
        <dd key={name}>{value}</dd>,
      ])}
    </dl>
  );
}
