// Rows of text in columns as wide as they need to be.

/** Lines of a table, the heading first. */
export function table(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
): string[] {
  const all = [heading, ...rows];
  const widths = heading.map((_, column) =>
    Math.min(60, Math.max(...all.map((row) => (row[column] ?? "").length))),
  );
  return all.map((row) =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd(),
  );
}
