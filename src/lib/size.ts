// Sizes as people write them: 4096, "64KiB", "10MB", "1k". A lone letter counts in 1024 as in nginx,
// so that numbers moved over from there keep their meaning; KB, MB, GB count in 1000.

export type Size = { kind: "bytes"; bytes: number } | { kind: "bad"; why: string };

const units = new Map([
  ["", 1],
  ["b", 1],
  ["k", 1024],
  ["kb", 1000],
  ["kib", 1024],
  ["m", 1024 ** 2],
  ["mb", 1000 ** 2],
  ["mib", 1024 ** 2],
  ["g", 1024 ** 3],
  ["gb", 1000 ** 3],
  ["gib", 1024 ** 3],
  ["t", 1024 ** 4],
  ["tb", 1000 ** 4],
  ["tib", 1024 ** 4],
]);

export function parseSize(text: string): Size {
  const [, amount, letters] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim()) ?? [];
  const unit = units.get((letters ?? "").toLowerCase());
  if (amount === undefined) return { kind: "bad", why: `${JSON.stringify(text)} is not a size` };
  if (unit === undefined) return { kind: "bad", why: `${letters} is not a unit of size` };
  const bytes = Math.ceil(Number(amount) * unit);
  if (!Number.isSafeInteger(bytes)) return { kind: "bad", why: `${text.trim()} is too large` };
  return { kind: "bytes", bytes };
}

/** The shortest exact way to write it: 65536 → "64KiB". */
export function formatSize(bytes: number): string {
  if (bytes === 0) return "0";
  for (const name of ["TiB", "GiB", "MiB", "KiB"]) {
    const unit = units.get(name.toLowerCase()) ?? 1;
    if (bytes % unit === 0) return `${bytes / unit}${name}`;
  }
  return String(bytes);
}
