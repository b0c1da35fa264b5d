// With an engine of our own making: a real server on a socket that has one container, asleep.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { test } from "node:test";
import { eventually } from "../../test/harness/barrier.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import type { Discovery } from "../config/discovery.ts";
import { isPlatform } from "../config/provider-settings.ts";
import { readConfig } from "../config/read.ts";
import type { Log, LogFields } from "../lib/log.ts";
import { Discoveries } from "./discoveries.ts";
import { ProviderMemory } from "./provider-memory.ts";

const id = "1".repeat(64);
const labels = { "tidegate.host": "a.test", "tidegate.onDemand": "true", "tidegate.port": "80" };
const answers: Readonly<Record<string, unknown>> = {
  "/info": { Name: "elsewhere" },
  "/networks": [],
  "/containers/json": [{ Id: id, Names: ["/shop"], State: "exited", Labels: labels }],
  [`/containers/${id}/json`]: { Config: { Labels: labels }, State: { Status: "exited" } },
};

interface Stand extends AsyncDisposable {
  readonly discoveries: Discoveries;
  /** Lines of the log, below debug. */
  readonly lines: readonly string[];
  /** Commands that nobody has answered yet. */
  readonly commands: ServerResponse[];
}

async function sleeper(): Promise<Stand> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await tempFolder());
  const commands: ServerResponse[] = [];
  const server = createServer((request, response) => {
    const path = (request.url ?? "").replace(/^\/v[\d.]+/, "").replace(/\?.*/, "");
    if (path === "/_ping") response.setHeader("Api-Version", "1.41").end("OK");
    else if (path === "/events") response.flushHeaders();
    else if (request.method === "POST") commands.push(response);
    else response.end(JSON.stringify(answers[path]));
  });
  server.listen(folder.file("sock"));
  await once(server, "listening");
  stack.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  const lines: string[] = [];
  const line = (text: string, fields: LogFields = {}) =>
    void lines.push(`${text}: ${String(fields["service"])}`);
  const log: Log = { debug: () => {}, info: line, warn: line, error: line };
  const memory = new ProviderMemory<Discovery>({ log, name: "found", folder: () => undefined });
  const discoveries = stack.use(
    new Discoveries({ log, memory, onChange: async () => 0, areGuestsNews: () => false }),
  );
  const docker = { endpoint: `unix://${folder.file("sock")}`, mayStart: true };
  const text = JSON.stringify({ listeners: { web: "127.0.0.1:0" }, providers: { docker } });
  const { snapshot } = readConfig(text, { file: "test.json", baseFolder: "/" });
  assert.ok(snapshot);
  discoveries.update(snapshot.providers.filter((each) => isPlatform(each)));
  await discoveries.ready();
  assert.deepEqual([...discoveries.members.keys()], ["shop@docker"]);
  const held = stack.move();
  return { discoveries, lines, commands, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

const bounded = { timeout: 30_000 };

/** The next command, when it has reached the engine. */
const nextCommand = ({ commands }: Stand) => eventually("a command", () => commands.shift());

test(
  "what several workers ask for at once is started once, and told of once",
  bounded,
  async () => {
    await using stand = await sleeper();
    const { discoveries, lines, commands } = stand;
    for (let n = 0; n < 5; n += 1) discoveries.start("shop@docker");
    const command = await nextCommand(stand);
    discoveries.start("shop@docker");
    command.writeHead(204).end();
    await eventually("the line", () => lines[0]);
    assert.deepEqual(lines, ["started, since a request came: shop@docker"]);
    assert.equal(commands.length, 0);
  },
);

test("what is not there to be stopped is not told of", bounded, async () => {
  await using stand = await sleeper();
  const { discoveries, lines } = stand;
  discoveries.stop("shop@docker"); // it sleeps already
  discoveries.start("shop@docker");
  (await nextCommand(stand)).writeHead(204).end();
  await eventually("the line", () => lines[0]);
  assert.deepEqual(lines, ["started, since a request came: shop@docker"]);
});

test("a start that fails again and again for one reason is told of once", bounded, async () => {
  await using stand = await sleeper();
  const { discoveries, lines, commands } = stand;
  const start = async () => {
    const command = await eventually("a command", () => {
      discoveries.start("shop@docker"); // as long as the one before has not come to its end
      return commands.shift();
    });
    return command;
  };
  for (let n = 0; n < 3; n += 1) (await start()).writeHead(500).end('{"message":"no space"}');
  (await start()).writeHead(500).end('{"message":"no memory"}');
  (await start()).writeHead(204).end();
  await eventually("the last line", () => lines[2]);
  const failed = "cannot start what serves this: shop@docker";
  assert.deepEqual(lines, [failed, failed, "started, since a request came: shop@docker"]);
});
