// A start without any configuration, on a machine where a Docker Engine runs: as `npm start` does it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { eventually, within } from "../harness/barrier.ts";
import { tidegate } from "../harness/command.ts";
import { controlOf } from "../harness/control.ts";
import { answeredBy, asked, discoveryOf } from "../harness/discovered.ts";
import { dockerEngineNeeds, startDockerEngine } from "../harness/docker-engine.ts";
import { needs } from "../harness/needs.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { mark } from "../harness/processes.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { webContainers, webImageNeeds } from "../harness/web-image.ts";

interface Unconfigured extends AsyncDisposable {
  port(): number;
  readonly control: string;
  stdout(): string;
  stderr(): string;
}

async function start(dockerHost: string, workers: number): Promise<Unconfigured> {
  const folder = await tempFolder();
  const marked = mark();
  const [ports, control] = [folder.file("ports.json"), folder.file("control.sock")];
  const words = ["run", "--port", "0", "--workers", `${workers}`];
  const child = spawn(tidegate, [...words, "--ports-file", ports, "--control", control], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      NODE_TEST_CONTEXT: undefined,
      STATE_DIRECTORY: folder.file("state"),
      DOCKER_HOST: dockerHost,
      ...marked.env,
    },
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (bytes: Buffer) => (stdout += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (stderr += bytes.toString()));
  const closed = once(child, "close");
  const dispose = async () => {
    marked.kill();
    await within(closed, 10_000, "the end of the program");
    await folder[Symbol.asyncDispose]();
  };
  try {
    await eventually(
      "the program to listen",
      () => {
        if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
        return existsSync(ports) ? true : undefined;
      },
      15_000,
    );
  } catch (error) {
    await dispose();
    throw new Error(`${String(error)}\n${stdout}\n${stderr}`, { cause: error });
  }
  const bound = JSON.parse(readFileSync(ports, "utf8")) as { web: { port: number }[] };
  return {
    port: () => bound.web[0]?.port ?? 0,
    control,
    stdout: () => stdout,
    stderr: () => stderr,
    [Symbol.asyncDispose]: dispose,
  };
}

const skip = needsRoot() || needs(...dockerEngineNeeds, ...webImageNeeds);

test("without a configuration a Docker Engine is found", { skip, timeout: 120_000 }, async (t) => {
  await using engine = await startDockerEngine();
  const web = await webContainers(engine);
  await web.run({ name: "there", labels: { "tidegate.host": "there.localhost" } });

  for (const workers of [0, 1]) {
    await t.test(`its containers are routed, with ${workers} workers`, async () => {
      await using program = await start(engine.endpoint, workers);
      await answeredBy(program, "there.localhost", "there");
      assert.equal((await asked(program.port(), "whoami.localhost")).status, 200);
      await eventually("the welcome", () => /Try it/.test(program.stdout()) || undefined);
      assert.match(program.stdout(), /^discovering [^\n]*\bdocker\b[^\n]*tidegate discover/m);
      const { providers } = await discoveryOf(program);
      assert.equal(providers.find(({ name }) => name === "docker")?.state, "ok");
      const { stdout } = await controlOf(program.control).command("discover");
      assert.match(stdout, /^docker +there +running +[\d.]+ +Host\(`there\.localhost`\)/m);
    });
  }
});

test("a DOCKER_HOST where nobody is, or that is none, keeps nobody from starting", async () => {
  for (const host of ["unix:///nowhere/docker.sock", "ssh://somewhere", "rubbish", "tcp://[", ""]) {
    await using program = await start(host, 0);
    assert.equal((await asked(program.port(), "whoami.localhost")).status, 200, host);
    await eventually("the welcome", () => /Try it/.test(program.stdout()) || undefined);
    if (host !== "") assert.doesNotMatch(program.stdout(), /discovering [^\n]*\bdocker\b/, host);
    assert.doesNotMatch(program.stderr(), /nowhere|somewhere|rubbish/);
  }
});
