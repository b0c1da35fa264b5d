// What a real PHP writes to its error stream: into the route's own file, which is opened anew when it was moved away, or into
// the log of the program, where it cannot drown everything else.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ask } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { needs } from "../harness/needs.ts";
import { type PhpFpm, phpFpmNeeds, startPhpFpm } from "../harness/php-fpm.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const skip = needs(...phpFpmNeeds);
const scripts = {
  "say.php": `<?php foreach ((array) $_GET["say"] as $each) error_log($each); echo "answered";`,
  "only.php": `<?php for ($i = 0; $i < 5000; $i++) error_log("again $i");`,
};

const stack = new AsyncDisposableStack();
let php: PhpFpm;
let program: Tidegate;

before(async () => {
  if (skip !== false) return;
  // As Debian's pools have it not: then PHP would write to a file of its own.
  php = stack.use(await startPhpFpm({ scripts, settings: ["php_admin_flag[log_errors] = on"] }));
  const service = { fastcgi: { backends: `unix:${php.socket}`, root: php.root } };
  program = stack.use(
    await startTidegate({
      config: {
        listeners: { web: "127.0.0.1:0" },
        routes: {
          "own.test": { service, errorLog: join(php.folder, "own.log") },
          "shared.test": { service },
        },
      },
    }),
  );
});
after(() => stack.disposeAsync());

function say(name: string, ...texts: readonly string[]) {
  const query = texts.map((each) => `say[]=${encodeURIComponent(each)}`).join("&");
  return ask(program.port(), { name, path: `/say.php?${query}` });
}

async function lines(file = "own.log"): Promise<string[]> {
  const path = join(php.folder, file);
  return existsSync(path) ? (await readFile(path, "utf8")).split("\n").slice(0, -1) : [];
}

const lineWith = (text: string, file?: string) =>
  eventually(`a line with ${text}`, async () =>
    (await lines(file)).find((each) => each.includes(text)),
  );

test("a route has a log of its own, with the client and what it asked for", { skip }, async () => {
  assert.equal((await say("own.test", "first trouble")).body, "answered");
  const line = await lineWith("first trouble");
  assert.match(
    line,
    /^20\d\d-\d\d-\d\dT[\d:.]+Z client=127\.0\.0\.1 route="own\.test" request="GET /,
  );
  assert.doesNotMatch(program.stderr(), /first trouble/);
});

test(
  "nothing that a client made a program write begins a line, or moves a cursor",
  { skip },
  async () => {
    await say("own.test", "a\nforged client=10.0.0.1", "\x1b[31mred", "marked");
    await lineWith("marked");
    for (const line of await lines()) {
      assert.match(line, /^20\d\d-/);
      assert.doesNotMatch(line, /\p{Cc}/u);
    }
  },
);

test("it is opened anew when the program is told so", { skip }, async () => {
  await say("own.test", "before");
  await lineWith("before");
  await rename(join(php.folder, "own.log"), join(php.folder, "own.log.1"));
  program.signal("SIGUSR1");
  await eventually("the new file", () => existsSync(join(php.folder, "own.log")) || undefined);
  await say("own.test", "afterwards");
  await lineWith("afterwards");
  assert.equal((await lines("own.log.1")).filter((each) => each.includes("afterwards")).length, 0);
});

test(
  "without one it is the program's log, and a flood is counted instead of written",
  { skip },
  async () => {
    await say("shared.test", "shared trouble");
    const line = await program.waitForLog(/shared trouble/);
    assert.match(line, /"route":"shared\.test"/);
    assert.match(line, /"client":"127\.0\.0\.1"/);
    for (let round = 0; round < 5; round++) {
      const response = await ask(program.port(), { name: "shared.test", path: "/only.php" });
      assert.equal(response.status, 200);
      assert.equal(response.body, "");
    }
    const written = program
      .stderr()
      .split("\n")
      .filter((each) => each.includes("again "));
    assert.ok(written.length > 0 && written.length <= 20, String(written.length));
  },
);
