// What routes tell browsers about https: the redirect of those who came in the clear, and Strict-Transport-Security.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request as plain } from "node:http";
import { request as secure } from "node:https";
import { test } from "node:test";
import { httpOrigin } from "../harness/origin.ts";
import { freePort } from "../harness/free-port.ts";
import { startTidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 30_000 };
const year = "max-age=31536000";

interface Question {
  readonly port: number;
  readonly host: string;
  readonly path?: string;
  readonly method?: string;
}

async function ask(isSecure: boolean, { port, host, path = "/", method = "GET" }: Question) {
  const options = { host: "127.0.0.1", port, path, method, headers: { Host: host }, agent: false };
  const asked = isSecure
    ? secure({ ...options, servername: host, rejectUnauthorized: false })
    : plain(options);
  asked.end();
  const [answer] = (await once(asked, "response", {
    signal: AbortSignal.timeout(10_000),
  })) as [IncomingMessage];
  answer.resume();
  await once(answer, "end");
  const { statusCode: status, headers, rawHeaders } = answer;
  const hsts = rawHeaders.filter((_, at) => {
    const name = rawHeaders[at - 1];
    return at % 2 === 1 && name?.toLowerCase() === "strict-transport-security";
  });
  return { status, hsts, location: headers.location };
}

test(
  "HSTS goes with every answer of the route that came by TLS, and with no other",
  bounded,
  async () => {
    await using origin = await httpOrigin((_request, response) => {
      response.setHeader("Strict-Transport-Security", "max-age=1");
      response.end("x");
    });
    await using tidegate = await startTidegate({
      config: {
        listeners: { web: "127.0.0.1:0", secure: { bind: "127.0.0.1:0", tls: true } },
        routes: {
          "own.test": { whoami: true, hsts: true },
          "origin.test": { service: origin.url, hsts: { maxAge: "2h", includeSubDomains: true } },
          "down.test": { service: `http://127.0.0.1:${await freePort()}`, hsts: true },
          "plain.test": { service: origin.url },
        },
      },
    });
    const port = tidegate.port("secure");
    const bySecure = async (host: string) => ask(true, { port, host });
    assert.deepEqual((await bySecure("own.test")).hsts, [year]);
    const passed = await bySecure("origin.test");
    assert.deepEqual(passed.hsts, ["max-age=7200; includeSubDomains"], "in the place of its own");
    const down = await bySecure("down.test");
    assert.deepEqual([down.status, down.hsts], [502, [year]]);
    assert.deepEqual(
      (await bySecure("plain.test")).hsts,
      ["max-age=1"],
      "the backend's own affair",
    );
    const foreign = await bySecure("foreign.test");
    assert.deepEqual([foreign.status, foreign.hsts], [404, []]);
    for (const host of ["own.test", "down.test"]) {
      const { hsts } = await ask(false, { port: tidegate.port("web"), host });
      assert.deepEqual(hsts, [], host);
    }
  },
);

test(
  "redirect: https keeps host, path and method, names the port, and lets who came by TLS go on",
  bounded,
  async () => {
    const port = await freePort();
    await using tidegate = await startTidegate({
      config: {
        listeners: { web: "127.0.0.1:0", secure: { bind: `127.0.0.1:${port}`, tls: true } },
        routes: { "a.test": { whoami: true, redirect: "https", hsts: true } },
      },
    });
    const web = tidegate.port("web");
    for (const method of ["GET", "HEAD", "POST"]) {
      const told = await ask(false, { port: web, host: `a.test:${web}`, path: "/x/y?z=1", method });
      assert.deepEqual(told, { status: 308, hsts: [], location: `https://a.test:${port}/x/y?z=1` });
    }
    const there = await ask(true, { port, host: "a.test" });
    assert.deepEqual([there.status, there.hsts], [200, [year]]);
  },
);
