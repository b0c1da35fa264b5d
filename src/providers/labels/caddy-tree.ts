// Labels of caddy-docker-proxy as the Caddyfile they stand for: dots nest, a number in front (`0_handle`) orders,
// one behind (`handle_1`) keeps apart what would be one, and the value is the arguments.

import { labelBounds } from "../../config/provider-limits.ts";

export interface Directive {
  /** `reverse_proxy`, `@api`, `header_up`. */
  readonly name: string;
  readonly args: readonly string[];
  readonly below: readonly Directive[];
  /** The label that says it, or the first of those below it. */
  readonly label: string;
}

interface Node {
  readonly key: string;
  readonly below: Map<string, Node>;
  value: string;
  label: string;
}

/** A site, `caddy` or `caddy_1`, is a directive whose arguments are its addresses. */
export function sitesOf(labels: Readonly<Record<string, string>>): Directive[] {
  const root: Node = { key: "", below: new Map(), value: "", label: "" };
  for (const [label, value] of Object.entries(labels)) {
    if (!/^caddy(_\d+)?(\.|$)/.test(label)) continue;
    const steps = label.split(".");
    if (steps.length > labelBounds.depth + 2) continue;
    let node = root;
    for (const step of steps) {
      const known = node.below.get(step);
      const next = known ?? { key: step, below: new Map(), value: "", label };
      if (known === undefined) node.below.set(step, next);
      node = next;
    }
    node.value = value;
    node.label = label;
  }
  return [...root.below.values()].map(directiveOf);
}

function directiveOf(node: Node): Directive {
  const below = [...node.below.values()].toSorted((a, b) => orderOf(a.key) - orderOf(b.key));
  return {
    name: node.key.startsWith("@") ? node.key : node.key.replace(/^\d+_/, "").replace(/_\d+$/, ""),
    args: argumentsOf(node.value),
    below: below.map(directiveOf),
    label: node.label,
  };
}

function orderOf(key: string): number {
  const [, order] = /^(\d{1,9})_/.exec(key) ?? [];
  return order === undefined ? Number.MAX_SAFE_INTEGER : Number(order);
}

/** Parted by spaces; quotes, backticks and `{{ … }}` hold together. */
export function argumentsOf(text: string): string[] {
  const pieces = text.matchAll(/\{\{.*?\}\}|"((?:[^"\\]|\\.)*)"|`([^`]*)`|\S+/gs);
  return [...pieces].map(([whole, quoted, raw]) => {
    return raw ?? quoted?.replaceAll(/\\(["\\])/g, "$1") ?? whole;
  });
}
