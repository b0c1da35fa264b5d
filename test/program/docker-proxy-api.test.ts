// Docker Proxy's calls against the real program: they do what their names say, as scripts expect.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ask } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { runCommand, tidegate } from "../harness/command.ts";
import { freePort } from "../harness/free-port.ts";
import { startTidegate } from "../harness/tidegate.ts";

test("stop, start and resize act on the workers, also after an upgrade", async () => {
  const port = await freePort();
  // Not one that the system chooses: that would be another one after each stop.
  const web = await freePort();
  await using program = await startTidegate({
    config: {
      listeners: { web: `127.0.0.1:${web}` },
      routes: { "app.test": { respond: { body: "here" } } },
      compat: { dockerProxyApi: `127.0.0.1:${port}` },
    },
    workers: 1,
  });
  const call = async (path: string) => (await ask(port, { name: "127.0.0.1", path })).body;
  const live = async () => {
    const { stdout } = await runCommand(tidegate, [
      "workers",
      "--json",
      "--control",
      program.control,
    ]);
    return (JSON.parse(stdout) as unknown[]).length;
  };
  const isServing = async () => {
    try {
      return (await ask(program.port())).body === "here";
    } catch {
      return false;
    }
  };
  const until = (what: string, wanted: boolean) =>
    eventually(what, async () => ((await isServing()) === wanted ? true : undefined), 20_000);
  // The addresses of clients open first, and those are what the start waited for.
  await eventually("the port", () => call("/").catch(() => undefined), 10_000);
  for (const round of ["first", "after an upgrade"]) {
    assert.equal(await call("/service/balancer/stop"), "stopping...", round);
    await until("no more connections", false);
    await assert.rejects(connect(program.port()));
    assert.equal(await call("/service/balancer/start"), "spawned", round);
    await until("connections again", true);
    assert.equal(await call("/service/balancer/resize?size=2"), "resizing...", round);
    await eventually("two workers", async () => ((await live()) === 2 ? true : undefined), 20_000);
    assert.match(await call("/service/other/stop"), /no service other/);
    assert.match(await call("/"), /hello from API/);
    if (round !== "first") continue;
    const upgraded = await runCommand(tidegate, ["upgrade", "--control", program.control], {
      timeoutMs: 60_000,
    });
    assert.equal(upgraded.code, 0, upgraded.stderr);
  }
});
