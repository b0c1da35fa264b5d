// The text that Prometheus reads (format 0.0.4), written in turns: ten thousand rows must not keep the primary from
// everything else. Lines of one metric stand together, so each row is visited once for each metric.

import { setImmediate as nextTurn } from "node:timers/promises";
import { measureLimits } from "../config/metrics-limits.ts";
import { timeBounds, timeBuckets } from "../lib/time-buckets.ts";
import { type CountedFamily, countedFamilies, type Family } from "./families.ts";
import type { Sum, Sums } from "./sums.ts";

export const expositionType = "text/plain; version=0.0.4; charset=utf-8";

/** What is known without counting: a metric, and its values by labels. */
export interface Known {
  readonly family: Family;
  readonly samples: Iterable<Sample>;
}

export interface Sample {
  /** As many as the family has. */
  readonly labels: readonly string[];
  readonly value: number;
}

/** How many rows are written between two looks at the clock. */
const rowsPerLook = 32;

export async function exposition(sums: Sums, known: readonly Known[]): Promise<string> {
  const chunks: string[] = [];
  let begun = performance.now();
  let written = 0;
  const rest = async () => {
    if (++written % rowsPerLook !== 0 || performance.now() - begun < measureLimits.turn) return;
    await nextTurn();
    begun = performance.now();
  };
  for (const family of countedFamilies) {
    chunks.push(headOf(family));
    // Rows may come and go meanwhile.
    for (const sum of [...sums.rowsOf(family.kind).values()]) {
      chunks.push(linesOf(family, sum));
      await rest();
    }
  }
  for (const { family, samples } of known) {
    chunks.push(headOf(family));
    for (const { labels, value } of samples) {
      chunks.push(`${family.name}${labelText(family.labels, labels)} ${numberText(value)}\n`);
      await rest();
    }
  }
  return chunks.join("");
}

function headOf({ name, type, help }: Family): string {
  return `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${type}\n`;
}

function linesOf(family: CountedFamily, sum: Sum): string {
  const { name, cells, labels, buckets } = family;
  const { values } = sum;
  if (buckets !== undefined) return histogramOf(family, sum, buckets);
  let text = "";
  for (const { cell, label } of cells) {
    const value = values[cell] ?? 0;
    // Of a class of answers that a route never gave there is nothing to say.
    if (label !== undefined && value === 0) continue;
    const own = label === undefined ? sum.labels : [...sum.labels, label];
    text += `${name}${labelText(labels, own)} ${numberText(value)}\n`;
  }
  return text;
}

function histogramOf({ name, labels, cells }: CountedFamily, sum: Sum, first: number): string {
  const { values } = sum;
  const own = pairsOf(labels, sum.labels);
  let text = "";
  let below = 0;
  for (let at = 0; at < timeBuckets; at++) {
    below += values[first + at] ?? 0;
    const bound = at < timeBounds.length ? String(timeBounds[at]) : "+Inf";
    text += `${name}_bucket{${own},le="${bound}"} ${below}\n`;
  }
  const [total] = cells;
  const seconds = values[total?.cell ?? -1] ?? 0;
  return `${text}${name}_sum{${own}} ${numberText(seconds)}\n${name}_count{${own}} ${below}\n`;
}

function labelText(names: readonly string[], values: readonly string[]): string {
  return names.length === 0 ? "" : `{${pairsOf(names, values)}}`;
}

function pairsOf(names: readonly string[], values: readonly string[]): string {
  return names.map((name, at) => `${name}="${escaped(values[at] ?? "")}"`).join(",");
}

const special = /[\\"\n]/;

function escaped(text: string): string {
  if (!special.test(text)) return text.isWellFormed() ? text : text.toWellFormed();
  return text
    .toWellFormed()
    .replaceAll("\\", "\\\\")
    .replaceAll('"', '\\"')
    .replaceAll("\n", "\\n");
}

/** A gauge is a sum of differences, which may miss 0 by a hair where there are fractions. */
function numberText(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(12)));
}
