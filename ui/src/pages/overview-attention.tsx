// What needs somebody, the gravest first: each with where to do something about it.

import type { ComponentChildren } from "preact";
import type { CertificateRow, NodeRow, ServiceRow, Status } from "../../../src/admin/operations.ts";
import { date, plural, since } from "../format.ts";
import { Badge, Empty, type Tone } from "../kit/notice.tsx";
import { Card } from "../kit/page.tsx";
import { href } from "../router.ts";

export interface AttentionProps {
  readonly services: readonly ServiceRow[];
  readonly certificates: readonly CertificateRow[];
  readonly nodes: readonly NodeRow[];
  readonly status: Status | undefined;
}

interface Concern {
  readonly tone: Tone;
  readonly word: string;
  readonly text: ComponentChildren;
}

export function Attention(props: AttentionProps) {
  const concerns = concernsOf(props).toSorted((a, b) => rank(a) - rank(b));
  return (
    <Card title="Needs attention" padded={false}>
      {concerns.length === 0 ? (
        <Empty icon="check" title="All is well">
          Services, certificates, workers and sources are as they should be.
        </Empty>
      ) : (
        <ul class="attention" tabIndex={0} aria-label="What needs attention">
          {concerns.map(({ tone, word, text }, index) => (
            <li key={index}>
              <Badge tone={tone}>{word}</Badge>
              <span class="wrap">{text}</span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function rank({ tone }: Concern): number {
  return tone === "bad" ? 0 : tone === "warn" ? 1 : 2;
}

function concernsOf({ services, certificates, nodes, status }: AttentionProps): Concern[] {
  return [
    ...problemsOf(status),
    ...services.flatMap(serviceConcern),
    ...certificates.flatMap(certificateConcern),
    ...nodes.flatMap(nodeConcern),
  ];
}

function problemsOf(status: Status | undefined): Concern[] {
  if (status === undefined) return [];
  const { problems, failedTests, silent, workers } = status;
  const found: Concern[] = problems.map(({ message, remedy }) => ({
    ...{ tone: "bad", word: "configuration" },
    text: remedy === undefined ? message : `${message}; ${remedy}`,
  }));
  for (const { message, file, line } of failedTests) {
    const text = (
      <>
        {message} <span class="muted">({`${file}:${line}`})</span>
      </>
    );
    found.push({ tone: "warn", word: "route test", text });
  }
  for (const { name, state, trouble } of silent) {
    const text = <a href={href("discovery")}>{`${name}: ${trouble ?? "has said nothing yet"}`}</a>;
    found.push({ tone: state === "failing" ? "bad" : "info", word: "source", text });
  }
  if (workers.live < workers.wanted) {
    const text = <a href={href("workers")}>{`${workers.live} of ${workers.wanted} live`}</a>;
    found.push({ tone: "warn", word: "workers", text });
  }
  return found;
}

function serviceConcern({ name, state, since: at, backends, held }: ServiceRow): Concern[] {
  if (state === "up") return [];
  const down = backends.filter((each) => each.state !== "up");
  const [first] = down;
  const which = down.length > 1 ? plural(down.length, "backend") : (first?.url ?? "");
  const why = first === undefined || first.why === "" ? "" : `, ${first.why}`;
  const isAsked = state === "paused" || state === "maintenance";
  const what = isAsked
    ? held > 0
      ? `: ${plural(held, "request")} waiting`
      : ""
    : `: ${which}${why}`;
  const text = (
    <a href={href("services", name)}>
      {name}
      {what} <span class="muted">for {since(at)}</span>
    </a>
  );
  return [{ tone: state === "down" ? "bad" : "warn", word: state, text }];
}

function certificateConcern(row: CertificateRow): Concern[] {
  const { state, names, until, why, isNeeded } = row;
  if (state === "ok") return [];
  if (state === "ordering") {
    return [{ tone: "info", word: "certificate", text: `${names.join(", ")} is being had` }];
  }
  const isGrave = isNeeded && (state === "expired" || state === "unusable");
  const end = until === undefined ? "" : `, until ${date(until)}`;
  const text = (
    <a href={href("certificates")}>
      {names.join(", ") || row.source} {state}
      {end}
      {why !== "" && <span class="muted">: {why}</span>}
    </a>
  );
  return [{ tone: isGrave ? "bad" : "warn", word: "certificate", text }];
}

function nodeConcern({ name, state, seen }: NodeRow): Concern[] {
  if (state === "up") return [];
  const text = `${name} is ${state}${seen === undefined ? "" : `, seen ${since(seen)} ago`}`;
  return [{ tone: state === "gone" ? "bad" : "warn", word: "node", text }];
}
