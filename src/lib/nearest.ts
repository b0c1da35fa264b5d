// Finds the word an operator probably meant: the candidate with the smallest edit distance (insert,
// delete, replace, swap of neighbours), if it is near enough to be a slip rather than another word.

export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = word.toLowerCase().slice(0, 64);
  // A third of the letters may differ: "tiemouts" finds "timeouts", "cache" does not find "path".
  let best = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  let found: string | undefined;
  for (const candidate of candidates) {
    const distance = distanceOf(wanted, candidate.toLowerCase().slice(0, 64));
    if (distance < best) {
      best = distance;
      found = candidate;
    }
  }
  return found;
}

// Optimal string alignment: three rows of the usual matrix, the oldest one for swapped neighbours.
function distanceOf(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(
        (last[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (last[j - 1] ?? 0) + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      }
      row.push(cost);
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
