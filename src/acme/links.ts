// Links in a head (RFC 8288), as far as ACME uses them: addresses of one relation, some of them without a host.

// A head is at most 16 kB long; whoever sends so many links means nothing by them.
const maxLinks = 50;

/** Whole addresses, in their order, each once. What is none is left out. */
export function linksOf(
  value: string | readonly string[] | undefined,
  relation: string,
  base: string,
): string[] {
  const text = typeof value === "string" ? value : (value ?? []).join(", ");
  const found: string[] = [];
  const links = text.matchAll(/<([^<>]*)>((?:\s*;\s*[\w*-]+\s*=\s*(?:"[^"]*"|[^\s;,"]*))*)/g);
  for (const [, target = "", parameters = ""] of links) {
    if (found.length === maxLinks) break;
    const named = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]*))/i.exec(parameters);
    const relations = (named?.[1] ?? named?.[2] ?? "").toLowerCase().split(/\s+/);
    if (relations.includes(relation) && URL.canParse(target, base)) {
      found.push(new URL(target, base).href);
    }
  }
  return [...new Set(found)];
}
