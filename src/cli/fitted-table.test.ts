import assert from "node:assert/strict";
import { test } from "node:test";
import { type Column, fittedTable } from "./fitted-table.ts";

type Row = readonly string[];

const column = (title: string, at: number, more: Partial<Column<Row>> = {}): Column<Row> => ({
  title,
  cell: (row) => row[at] ?? "",
  ...more,
});

test("columns are as wide as they need to be, and those that say nothing are left out", () => {
  const columns = [column("NAME", 0), column("COUNT", 1, { usual: "0" }), column("WHY", 2)];
  const rows = [
    ["a", "0", ""],
    ["bcdefg", "0", "late"],
  ];
  assert.deepEqual(fittedTable(columns, rows, 80), {
    lines: ["NAME    WHY", "a", "bcdefg  late"],
    dropped: [],
  });
  const counted = fittedTable(
    columns,
    [
      ["a", "0", ""],
      ["b", "7", ""],
    ],
    80,
  );
  assert.deepEqual(counted.lines, ["NAME  COUNT", "a     0", "b     7"]);
});

test("long texts are cut before a column goes, the longest first, and never below their least", () => {
  const columns = [
    column("URL", 0, { least: 9, cut: "middle" }),
    column("N", 1, { rank: 1 }),
    column("WHY", 2, { least: 5 }),
  ];
  const rows = [["http://10.0.0.1:8080", "1", "because of this"]];
  const lines = (width: number) => fittedTable(columns, rows, width).lines[1];
  assert.equal(lines(40), "http://10.0.0.1:8080  1  because of this");
  for (const width of [36, 30, 24, 19]) {
    const { lines: all, dropped } = fittedTable(columns, rows, width);
    assert.ok(
      all.every((line) => line.length <= width),
      all.join("\n"),
    );
    assert.deepEqual(dropped, []);
    assert.match(all[1] ?? "", /^http.*…[^ ]*80 /);
  }
  const narrow = fittedTable(columns, rows, 18);
  assert.deepEqual(narrow.dropped, ["N"]);
  assert.ok(narrow.lines.every((line) => line.length <= 18));
  // Nothing is left to give: it is too wide rather than empty.
  assert.ok((fittedTable(columns, rows, 3).lines[1] ?? "").length > 3);
});

test("paint gets the filled cell, and counts for nothing", () => {
  const columns = [column("A", 0, { paint: (cell) => `<${cell}>` }), column("B", 1)];
  const { lines } = fittedTable(
    columns,
    [
      ["x", "1"],
      ["long", "2"],
    ],
    80,
  );
  assert.deepEqual(lines, ["A     B", "<x   >  1", "<long>  2"]);
});

test("half characters are never shown, and control characters are made visible first", () => {
  const columns = [column("A", 0, { least: 4, cut: "middle" })];
  assert.equal(fittedTable(columns, [["🙂🙂🙂🙂🙂🙂"]], 4).lines[1], "🙂🙂…🙂");
  assert.equal(fittedTable(columns, [["\u001b[2J"]], 80).lines[1], "\\x1b[2J");
});
