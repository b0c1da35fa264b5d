import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { ask } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { built } from "../harness/built.ts";
import { dockerEngineNeeds, startDockerEngine } from "../harness/docker-engine.ts";
import { needs } from "../harness/needs.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { tempFolder } from "../harness/temp-folder.ts";

const skip = needsRoot() || needs(...dockerEngineNeeds, "apt-get", "dpkg-deb", "tar");

async function digest(path: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
}

test(
  "the image is built from scratch, serves on a real Docker Engine and stops cleanly",
  {
    skip,
  },
  async (context) => {
    await using folder = await tempFolder();
    const image = await built("image", folder.file("first"));

    await context.test("the same sources give the same bytes", async () => {
      assert.equal(await digest(await built("image", folder.file("second"))), await digest(image));
    });

    await using engine = await startDockerEngine();
    const { stdout: loaded } = await engine.docker(["load", "--input", image]);
    const tag = /^Loaded image: (tidegate:\d\S*)$/m.exec(loaded)?.[1] ?? "";
    assert.notEqual(tag, "", loaded);
    // Read-only, without capabilities: the image needs to write nowhere but to its socket's folder.
    const strict = ["--read-only", "--tmpfs", "/run/tidegate", "--cap-drop", "ALL"];
    const name = ["--name", "tide", "--publish", "127.0.0.1::8080"];
    await engine.docker(["run", "--detach", ...name, ...strict, tag]);
    const published = (await engine.docker(["port", "tide", "8080/tcp"])).stdout.trim();
    const port = Number(published.split(":").at(-1));
    const logs = async () => (await engine.docker(["logs", "tide"])).stdout;

    await context.test("its log shows the welcome, and it answers a request", async () => {
      await eventually("the welcome", async () =>
        /listening +web[\s\S]*Try it:/.test(await logs()) ? true : undefined,
      );
      const { status, body } = await ask(port, { name: "whoami.localhost", path: "/from-outside" });
      assert.equal(status, 200);
      assert.match(body, /from-outside/);
      await eventually("the access log", async () =>
        (await logs()).includes("/from-outside") ? true : undefined,
      );
    });

    await context.test("it is not root, and knows itself to be healthy", async () => {
      const format = "{{.Config.User}}";
      const { stdout } = await engine.docker(["inspect", "--format", format, "tide"]);
      assert.equal(stdout.trim(), "10000:10000");
      // What the health check runs; its first run comes after half a minute.
      const status = await engine.docker(["exec", "tide", "/usr/bin/tidegate", "status"]);
      assert.match(status.stdout, /serving/);
    });

    await context.test(
      "docker stop drains and ends with 0, well within its ten seconds",
      async () => {
        const begin = performance.now();
        await engine.docker(["stop", "tide"]);
        assert.ok(performance.now() - begin < 8000);
        const format = "{{.State.ExitCode}}";
        assert.equal(
          (await engine.docker(["inspect", "--format", format, "tide"])).stdout.trim(),
          "0",
        );
      },
    );
  },
);
