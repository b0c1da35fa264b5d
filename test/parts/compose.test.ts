// Compose files as people have them for other proxies, unmodified, brought up by docker-compose: the program
// in the place of the other proxy, with real traffic. Images of those names serve a page that says which
// they are.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { ask, field } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { type Ended, runCommand } from "../harness/command.ts";
import { answeredBy, asked, complaints, found } from "../harness/discovered.ts";
import {
  type DockerEngine,
  dockerEngineNeeds,
  startDockerEngine,
} from "../harness/docker-engine.ts";
import { askedOnAndOn, startBefore, status } from "../harness/docker-traffic.ts";
import { needs } from "../harness/needs.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { webImageNeeds, webImages } from "../harness/web-image.ts";

const skip = needsRoot() || needs(...dockerEngineNeeds, ...webImageNeeds, "docker-compose");

const images = {
  "traefik/whoami:v1.10": { page: "whoami" },
  "wordpress:6-apache": { page: "wordpress" },
  "mariadb:10.11": { page: "mariadb", port: 3306 },
  "phpmyadmin:5": { page: "phpmyadmin" },
  "grafana/grafana:10.4.2": { page: "grafana", port: 3000 },
  "nginx:1.25-alpine": { page: "nginx" },
};

interface Stack {
  compose(...words: string[]): Promise<Ended>;
}

function stack({ endpoint }: DockerEngine, name: string, project = name): Stack {
  const file = join(import.meta.dirname, "compose", `${name}.yml`);
  return {
    async compose(...words) {
      const all = ["--project-name", project, "--file", file, ...words];
      const env = { DOCKER_HOST: endpoint };
      const ended = await runCommand("docker-compose", all, { env, timeoutMs: 60_000 });
      if (ended.code === 0) return ended;
      throw new Error(
        `docker-compose ${words.join(" ")} ended with ${ended.code}: ${ended.stderr}`,
      );
    },
  };
}

/** Who it is, and where it is sent instead. */
async function answer(port: number, url: string, headers: Record<string, string> = {}) {
  const { host: name, pathname: path } = new URL(url);
  const response = await ask(port, { name, path, headers: { Connection: "close", ...headers } });
  const { status: code, body } = response;
  return { code, body: body.trim(), to: field(response, "location") };
}

const https = { "X-Forwarded-Proto": "https" };

test("compose files of others, unmodified", { skip, timeout: 240_000 }, async (context) => {
  await using engine = await startDockerEngine();
  await webImages(engine, images);
  await engine.docker(["network", "create", "proxy"]);
  // Whoever ends TLS in front of it says so.
  const rest = { trustedProxies: ["127.0.0.1"] };
  await using program = await startBefore("docker", engine, { exposedByDefault: false }, rest);
  await using open = await startBefore("docker", engine);
  const port = program.port();

  await context.test("for Traefik: middlewares, replicas, two networks", async () => {
    const { compose } = stack(engine, "traefik", "blog");
    await compose("up", "--detach", "--scale", "whoami=2", "--scale", "wordpress=2");

    // The prefix is taken away.
    await answeredBy(program, "whoami.example.com", "whoami", "/v1/");
    assert.equal((await answer(port, "http://whoami.example.com/other")).code, 404);
    const names = new Set<string>();
    await eventually("both replicas to answer", async () => {
      names.add((await answer(port, "http://whoami.example.com/v1/hostname/")).body);
      return names.size === 2 || undefined;
    });

    // Whoever has not passed its own check is not asked, and it is reached where Traefik would.
    await eventually(
      "the blog",
      async () => {
        const { code, body } = await answer(port, "https://blog.example.com/", https);
        return (code === 200 && body === "wordpress") || undefined;
      },
      20_000,
    );
    const blog = await found(program, "blog_wordpress_1", ({ state }) => state === "running");
    const format = "{{.NetworkSettings.Networks.proxy.IPAddress}}";
    const ip = await engine.docker(["inspect", "--format", format, "blog_wordpress_1"]);
    // By name, its other network would come first.
    assert.equal(blog.addresses[0], ip.stdout.trim());
    const forced = await answer(port, "http://blog.example.com/post");
    assert.deepEqual([forced.code, forced.to], [308, "https://blog.example.com/post"]);
    const plain = await answer(port, "https://www.blog.example.com/post", https);
    assert.deepEqual([plain.code, plain.to], [308, "https://blog.example.com/post"]);
    assert.equal((await answer(port, "https://blog.example.com/", https)).code, 200);

    // Locks hold.
    const pma = await answer(port, "http://pma.example.com/");
    assert.equal(pma.code, 401);
    assert.doesNotMatch(pma.body, /phpmyadmin/);
    const key = `Basic ${Buffer.from("admin:test").toString("base64")}`;
    const opened = await answer(port, "http://pma.example.com/", { Authorization: key });
    assert.deepEqual([opened.code, opened.body], [200, "phpmyadmin"]);
    await answeredBy(program, "grafana.example.com", "grafana");
    const outside = { "X-Forwarded-For": "203.0.113.9" };
    assert.equal((await answer(port, "http://grafana.example.com/", outside)).code, 403);

    // Nobody asked for that one.
    assert.deepEqual((await found(program, "blog_db_1")).became, []);

    const load = askedOnAndOn(port, "grafana.example.com");
    await compose("up", "--detach", "--scale", "whoami=3", "--scale", "wordpress=1");
    await eventually("three replicas to answer", async () => {
      names.add((await answer(port, "http://whoami.example.com/v1/hostname/")).body);
      return names.size === 3 || undefined;
    });
    await compose("stop", "--timeout", "0", "whoami");
    await eventually("its page", async () => {
      const { code } = await answer(port, "http://whoami.example.com/v1/");
      return code === 503 || undefined;
    });
    await load.stop();
    await compose("down", "--volumes", "--timeout", "0");
    await status(program, "grafana.example.com", 404);
  });

  await context.test("for nginx-proxy: VIRTUAL_HOST and the others", async () => {
    const { compose } = stack(engine, "nginx-proxy");
    await compose("up", "--detach", "--scale", "site=2");
    await answeredBy(open, "example.org", "nginx");
    await answeredBy(open, "www.example.org", "nginx");
    await answeredBy(open, "tools.example.org", "grafana", "/grafana/");
    await answeredBy(open, "tools.example.org", "nginx", "/api/");
    await answeredBy(open, "acme.tenants.example.org", "whoami");
    assert.equal((await asked(open.port(), "tools.example.org", "/")).status, 404);
    assert.equal((await asked(open.port(), "other.example.org")).status, 404);
    const names = new Set<string>();
    await eventually("both replicas to answer", async () => {
      names.add((await asked(open.port(), "example.org", "/hostname/")).body);
      return names.size === 2 || undefined;
    });
    await compose("stop", "--timeout", "0", "tools");
    await eventually("its page", async () => {
      const answered = await asked(open.port(), "tools.example.org", "/grafana/");
      return answered.status === 503 || undefined;
    });
    assert.equal((await asked(open.port(), "tools.example.org", "/api/")).status, 200);
    await compose("down", "--timeout", "0");
    await status(open, "example.org", 404);
  });

  await context.test("for caddy-docker-proxy: sites, handle_path, upstreams", async () => {
    const { compose } = stack(engine, "caddy");
    await compose("up", "--detach");
    await answeredBy(open, "whoami.example.net", "whoami");
    await answeredBy(open, "shop.example.net", "grafana");
    await answeredBy(open, "www.shop.example.net", "grafana", "/v2/deep/er/");
    const intern = await asked(open.port(), "intern.example.net");
    assert.equal(intern.status, 401);
    assert.notEqual(intern.body, "nginx");
    assert.deepEqual(complaints(await found(open, "caddy_intern_1")), []);
    await compose("down", "--timeout", "0");
    await status(open, "whoami.example.net", 404);
  });
});
