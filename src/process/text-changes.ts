// What changed between two lists of texts, written so that whoever has the former list can make the latter of it.

/** The same object as long as the service is. */
export interface ServiceText {
  readonly name: string;
  readonly text: string;
}

export function servicesSince(
  latest: readonly ServiceText[],
  before: readonly ServiceText[],
): { readonly changed: readonly string[]; readonly removed: readonly string[] } {
  const head = sameHead(latest, before);
  const tail = sameTail(latest, before, head);
  const now = latest.slice(head, latest.length - tail);
  const then = before.slice(head, before.length - tail);
  const old = new Map(then.map(({ name, text }) => [name, text]));
  const names = new Set(now.map(({ name }) => name));
  return {
    changed: now.filter(({ name, text }) => old.get(name) !== text).map(({ text }) => text),
    removed: then.filter(({ name }) => !names.has(name)).map(({ name }) => name),
  };
}

/** Each as a text of its own, or a run of those that stood together before. */
export function textsSince(
  latest: readonly string[],
  before: readonly string[],
): readonly string[] {
  // Mostly one changed: what stands before and after it need not be looked up.
  const head = sameHead(latest, before);
  const tail = sameTail(latest, before, head);
  const places = new Map<string, number>();
  for (let place = head; place < before.length - tail; place++) {
    places.set(before[place] ?? "", place);
  }
  const parts: string[] = head === 0 ? [] : [`[0,${head}]`];
  for (let index = head; index < latest.length - tail;) {
    const text = latest[index] ?? "";
    const from = places.get(text);
    if (from === undefined) {
      parts.push(text);
      index++;
      continue;
    }
    let count = 1;
    const end = latest.length - tail;
    while (index + count < end && latest[index + count] === before[from + count]) count++;
    parts.push(`[${from},${count}]`);
    index += count;
  }
  if (tail > 0) parts.push(`[${before.length - tail},${tail}]`);
  return parts;
}

function sameHead<T>(latest: readonly T[], before: readonly T[]): number {
  let head = 0;
  while (head < latest.length && latest[head] === before[head]) head++;
  return head;
}

/** How many at the end are the same, without those at the beginning. */
function sameTail<T>(latest: readonly T[], before: readonly T[], head: number): number {
  const most = Math.min(latest.length, before.length) - head;
  let tail = 0;
  while (tail < most && latest.at(-1 - tail) === before.at(-1 - tail)) tail++;
  return tail;
}
