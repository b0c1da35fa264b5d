// Writes docs/reference/metrics.md from the table of metrics. A test holds the page to it; `UPDATE=1` in the
// environment of that test writes the page anew.

import { defaultMaxSeries } from "../config/metrics-limits.ts";
import { timeBounds } from "../lib/time-buckets.ts";
import { type Family, families } from "./families.ts";

const head = `# Metrics

<!-- Made from src/metrics/families.ts by src/metrics/reference.ts: change it there. -->

What \`/metrics\` says, in the text format of Prometheus (0.0.4). How to have it read, with alerts and a dashboard, is in
[monitoring.md](../guide/monitoring.md).

- Counters begin at 0 with each primary (after \`tidegate upgrade\`, too), and never go down before: what a worker had counted stays
  when it is gone. One that is killed takes at most its last second with it.
- ${defaultMaxSeries} rows of each kind (routes, services, backends …) have names, as \`metrics.maxSeries\` says; all others are one
  row, \`(other)\`. A name that left the configuration ten minutes ago is added to it.
- Requests that no route was found for have the route \`(none)\`.
- A row is there once something was counted in it, and a label such as \`code="5xx"\` once there was one.
- Buckets of times end at ${timeBounds.map((each) => `${each}`).join(", ")} seconds.
`;

export function metricsReference(): string {
  const rows = families.map(
    ({ name, type, labels, help }) =>
      `| \`${name}\` | ${type} | ${shown(labels)} | ${escaped(help)} |`,
  );
  return `${head}
| metric | kind | labels | what |
| --- | --- | --- | --- |
${rows.join("\n")}
`;
}

function shown(labels: Family["labels"]): string {
  return labels.map((each) => `\`${each}\``).join(", ");
}

function escaped(text: string): string {
  return text.replaceAll("|", "\\|");
}
