// The store beside a source of routes that somebody else keeps: what it overlays, and how all of it is shown.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { runCommand, tidegate } from "../harness/command.ts";
import { answerOf, change, storeConfig, storeStand, untilAnswers } from "../harness/store-stand.ts";
import { startTidegate } from "../harness/tidegate.ts";

/** Serves one document to whoever asks. */
async function documentServer(document: unknown): Promise<AsyncDisposable & { url: string }> {
  const server = createServer((_request, response) => {
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify(document));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  ok(typeof address === "object" && address !== null);
  return {
    url: `http://127.0.0.1:${address.port}/routes.json`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

test(
  "an overlay changes a route of another source, outlives it, and the dump says the same as a file",
  { timeout: 60_000 },
  async () => {
    await using source = await documentServer({
      routes: {
        "far.test": { respond: { body: "far" } },
        "many.test": {
          service: {
            backends: ["http://127.0.0.1:1", { url: "http://127.0.0.1:2", weight: 3 }],
            check: "/health",
          },
        },
      },
    });
    const config = { ...storeConfig(), providers: { http: { url: source.url } } };
    await using stand = await storeStand({ config });
    const { program } = stand;
    await untilAnswers(program, "far.test", "200 far");
    const overlay = { section: "overlays" as const, name: "far.test@http" };
    const made = await change(program, [{ ...overlay, value: { respond: { body: "changed" } } }]);
    ok(made.body.kind === "done", JSON.stringify(made.body));
    deepStrictEqual(made.body.notes, []);
    strictEqual(await answerOf(program, "far.test"), "200 changed");
    const { stdout: text } = await stand.command("dump");
    match(text, /# http: .*\(far\.test@http\)\n {2}far\.test:\n {4}host: far\.test\n {4}respond:/);
    ok(!text.includes("\nproviders:"), "what they found is there instead");
    const file = join(program.folder, "dump.yaml");
    await writeFile(file, text);
    const checked = await runCommand(tidegate, ["check", file]);
    strictEqual(checked.code, 0, `${checked.stdout}${checked.stderr}\n${text}`);
    await using copy = await startTidegate({ config: text.replaceAll("access.log", "other.log") });
    strictEqual(await answerOf(copy, "far.test"), "200 changed");
    await change(program, [overlay]);
    strictEqual(await answerOf(program, "far.test"), "200 far");
  },
);
