// Which of several content codings a client gets.

/** RFC 9110 section 8.4.1.3: the older name is the same. */
const aliases: Readonly<Record<string, string>> = { "x-gzip": "gzip" };

/** More members than any client sends; a list may be as long as a head. */
const maxMembers = 64;

/**
 * Those of `offered` that the client takes (RFC 9110 section 12.5.3), the best first: by its own weights, and among equal ones in
 * the order given. Not those that it likes less than the plain body.
 */
export function acceptedOf<T extends string>(
  field: string | undefined,
  offered: readonly T[],
): readonly T[] {
  if (field === undefined || field === "" || offered.length === 0) return [];
  const weights = weightsOf(field);
  const weightOf = (name: string) => weights.get(name) ?? weights.get("*") ?? 0;
  const plain = weights.get("identity") ?? 0;
  return offered
    .filter((each) => weightOf(each) > 0 && weightOf(each) >= plain)
    .toSorted((a, b) => weightOf(b) - weightOf(a));
}

function weightsOf(field: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const member of field.split(",", maxMembers)) {
    const [name = "", ...parameters] = member.split(";").map((each) => each.trim().toLowerCase());
    if (name === "") continue;
    const weight = parameters.find((each) => each.startsWith("q="))?.slice(2);
    const isGood = weight === undefined || /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(weight);
    weights.set(aliases[name] ?? name, isGood ? Number(weight ?? 1) : 0);
  }
  return weights;
}
