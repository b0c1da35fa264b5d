// Sentences that need to be seen, places where nothing is, and work that goes on.

import type { ComponentChildren } from "preact";
import { ApiProblem, sentenceOf } from "../api/client.ts";
import { Icon, type IconName } from "./icon.tsx";

export type Tone = "plain" | "good" | "warn" | "bad" | "info" | "accent";

export interface NoticeProps {
  readonly tone?: Tone;
  readonly children: ComponentChildren;
}

export function Notice({ tone = "info", children }: NoticeProps) {
  const isGrave = tone === "bad" || tone === "warn";
  return (
    <div class={`notice ${tone}`} role={tone === "bad" ? "alert" : undefined}>
      <span class={tone}>
        <Icon name={isGrave ? "warning" : tone === "good" ? "check" : "explain"} />
      </span>
      <div>{children}</div>
    </div>
  );
}

/** A short word with a colour; never a colour alone. */
export function Badge({
  tone = "plain",
  dotted = false,
  title,
  children,
}: NoticeProps & { readonly dotted?: boolean; readonly title?: string }) {
  return (
    <span class={`badge ${tone} ${dotted ? "dotted" : ""}`} title={title}>
      {children}
    </span>
  );
}

export interface EmptyProps {
  readonly icon?: IconName;
  readonly title: string;
  readonly children?: ComponentChildren;
}

export function Empty({ icon = "search", title, children }: EmptyProps) {
  return (
    <div class="empty">
      <Icon name={icon} />
      <h2>{title}</h2>
      {children !== undefined && <div>{children}</div>}
    </div>
  );
}

/** What to show in the place of data that could not be had. */
export function Failed({ error, what }: { readonly error: unknown; readonly what: string }) {
  if (error instanceof ApiProblem && error.isMissing) {
    return (
      <Empty icon="explain" title={`${what}: not available`}>
        The program that runs here does not offer it. A newer one may.
      </Empty>
    );
  }
  return (
    <div class="inside">
      <Notice tone="bad">
        {what}: {sentenceOf(error)}
      </Notice>
    </div>
  );
}

/** @param value of 0 to 1; undefined = nobody knows how long it takes */
export function Progress({ label, value }: { readonly label: string; readonly value?: number }) {
  return (
    <div class="progress">
      <span class="muted small">{label}</span>
      <progress aria-label={label} max={1} {...(value === undefined ? {} : { value })} />
    </div>
  );
}
