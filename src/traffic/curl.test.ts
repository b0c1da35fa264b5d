import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { curlOf } from "./curl.ts";
import { sampleEntry } from "../../test/harness/sample-entry.ts";
import type { RecordedExchange } from "./recorded.ts";

const recorded: RecordedExchange = {
  record: "1",
  entry: sampleEntry,
  ...{ target: "/x", version: "HTTP/1.1", left: [], fields: [], body: { base64: "", bytes: 0 } },
  answer: { fields: [], body: { base64: "", bytes: 0 } },
};

/** What a shell makes of it, without curl. */
function wordsOf(command: string): string[] {
  const script = `curl() { printf '%s\\n' "$@"; }; ${command}`;
  return execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\n").slice(0, -1);
}

test("whatever a client wrote stays one word, and no option", () => {
  const hostile = "'; touch /tmp/x; echo '$(id)`id`\\ \"";
  const fields = [
    ["X-One", hostile],
    ["X-Two", "@/etc/passwd"],
    ["X-Three", ""],
    ["Cookie", "(not shown)"],
  ] as const;
  for (const target of ["-K/etc/passwd", "@x", "/';id;'", "/$(id)"]) {
    const words = wordsOf(curlOf({ ...recorded, target, fields }));
    const url = target.startsWith("/") ? `http://a.test${target}` : target;
    assert.deepEqual(words.slice(words.indexOf("--header")), [
      ...["--header", `X-One: ${hostile}`, "--header", "X-Two: @/etc/passwd"],
      ...["--header", "X-Three;", "--url", url],
    ]);
  }
  const method = { ...recorded, entry: { ...recorded.entry, method: "A'B" } };
  assert.ok(wordsOf(curlOf(method)).includes("A'B"));
});
