// `tidegate discover` as a process of its own, against a control socket that this test serves.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { DiscoveryRows, ProviderRow } from "../admin/operations.ts";
import type { Finding, FoundRoute } from "../config/finding.ts";
import { runCommand, tidegate } from "../../test/harness/command.ts";
import { sampleHost } from "../../test/harness/sample-host.ts";
import { ago } from "../../test/harness/sample-services.ts";

const docker: ProviderRow = {
  name: "docker",
  kind: "docker",
  state: "ok",
  trouble: undefined,
  since: ago(125),
  found: 1,
};

function finding(name: string, more: Partial<Finding> = {}): Finding {
  return {
    provider: "docker",
    platform: "docker",
    name,
    id: "0123456789ab",
    project: undefined,
    state: "running",
    addresses: ["172.17.0.2"],
    became: [],
    notes: [],
    ...more,
  };
}

function became(rule: string, more: Partial<FoundRoute> = {}): FoundRoute {
  return {
    route: "web@docker",
    rule,
    service: "web@docker",
    backend: "http://172.17.0.2:80",
    dialect: "tidegate",
    ...more,
  };
}

/** What the command prints about it, and its exit code is 0. */
async function shown(found: Partial<DiscoveryRows>, ...args: string[]): Promise<string> {
  await using running = await sampleHost();
  running.operations.found = { providers: [docker], findings: [], refusals: [], ...found };
  const { code, stdout, stderr } = await running.run("discover", ...args);
  assert.deepEqual([code, stderr], [0, ""]);
  return Buffer.from(stdout, "latin1").toString();
}

const linesOf = (text: string) => text.trimEnd().split("\n");

test("when nothing is switched on it says what to write", async () => {
  const text = await shown({ providers: [] });
  assert.match(text, /^nothing is switched on: .*\n\nproviders:\n {2}docker: \{\}\n/);
});

test("what was found is a table with a line for each route", async () => {
  const text = await shown({
    findings: [
      finding("web-1", {
        project: "shop",
        addresses: ["172.17.0.2", "172.18.0.2"],
        became: [became("Host(`a.test`)"), became("Host(`b.test`)", { backend: undefined })],
      }),
      finding("old", { state: "stopped", addresses: [], became: [] }),
      finding("moved", { became: [became("Host(`c.test`)", { service: undefined })] }),
    ],
  });
  // Of one provider that works there is nothing else to say.
  assert.deepEqual(
    linesOf(text).map((line) => line.replaceAll(/ {2,}/g, "|")),
    [
      "PROVIDER|NAME|STATE|ADDRESS|ROUTE|GOES TO",
      "docker|moved|running|172.17.0.2|Host(`c.test`)|http://172.17.0.2:80",
      "docker|old|stopped|not routed",
      "docker|shop/web-1|running|172.17.0.2 +1|Host(`a.test`)|http://172.17.0.2:80",
      "docker|shop/web-1|running|172.17.0.2 +1|Host(`b.test`)|nobody yet",
    ],
  );
});

test("who asked for a route is told when it was not our own labels", async () => {
  const text = await shown({
    findings: [
      finding("a", { became: [became("Host(`a.test`)", { dialect: "traefik" })] }),
      finding("b", { became: [became("Host(`b.test`)", { dialect: undefined, backend: "x" })] }),
    ],
  });
  assert.match(text, /^PROVIDER.* ASKED BY\n.* traefik\n.* default host\n$/);
});

test("notes stand below what they are about, errors first, with what to do", async () => {
  const note = (severity: "error" | "warning" | "info", about: string, remedy?: string) =>
    ({ severity, about, message: "is strange", remedy }) as const;
  const text = await shown({
    findings: [
      finding("a", {
        notes: [note("info", ""), note("warning", "tidegate.x"), note("error", "tidegate.y", "z")],
      }),
      finding("b"),
    ],
  });
  assert.deepEqual(linesOf(text).slice(2, 5), [
    "  error tidegate.y: is strange; z",
    "  warning tidegate.x: is strange",
    "  note is strange",
  ]);
  assert.match(linesOf(text)[5] ?? "", /^docker +b /);
});

test("troubles of providers come first, and those that found nothing are named", async () => {
  const trouble = "cannot ask Docker at /x.sock: permission denied; add the user to the group";
  const text = await shown({
    providers: [
      { ...docker, name: "nas", state: "failing", trouble },
      { ...docker, name: "lxc", kind: "lxc", found: 0 },
      { ...docker, name: "lxd", kind: "lxd", found: 0, state: "starting" },
      docker,
    ],
    findings: [finding("web")],
  });
  assert.deepEqual(linesOf(text).slice(0, 5), [
    "nas (docker)  failing for 2h 5m; what it said last stays",
    `  ${trouble}`,
    "lxc  ok for 2h 5m, and nothing is there",
    "lxd  starting for 2h 5m, and has said nothing yet",
    "",
  ]);
  assert.match(linesOf(text)[5] ?? "", /^PROVIDER/);
});

test("of a source it is said how much it holds, since the table has only what is bad", async () => {
  const text = await shown({
    providers: [{ ...docker, name: "main", kind: "redis", found: 1200 }],
    findings: [],
  });
  assert.equal(text, "main (redis)  ok for 2h 5m, with 1,200 items\n");
});

test("claims that were refused are listed last", async () => {
  const text = await shown({
    findings: [finding("web")],
    refusals: [{ place: "docker container web", message: "a.test belongs to the file" }],
  });
  assert.deepEqual(linesOf(text).slice(-3), [
    "",
    "REFUSED",
    "docker container web: a.test belongs to the file",
  ]);
});

test("foreign text neither steers the terminal nor floods it", async () => {
  const evil = "\u001B[2J\u202Eabc\ndocker  good  running";
  const message = `${evil}${"x".repeat(5000)}`;
  const notes = Array.from({ length: 500 }, () => ({
    severity: "error" as const,
    about: evil,
    message,
    remedy: message,
  }));
  const found = {
    providers: [{ ...docker, name: evil, kind: evil, trouble: message }],
    findings: [
      finding(evil, {
        provider: evil,
        project: evil,
        state: evil,
        addresses: [evil],
        became: [became(evil, { backend: message, service: evil })],
        notes,
      }),
    ],
    refusals: Array.from({ length: 500 }, () => ({ place: evil, message })),
  };
  const text = await shown(found);
  assert.doesNotMatch(text, /(?!\n)[\p{Cc}\u202E]/u);
  const lines = linesOf(text);
  assert.ok(lines.length < 100, `${lines.length} lines`);
  assert.ok(
    lines.every((line) => line.length < 2000),
    "every line can be read",
  );
  assert.equal(lines.filter((line) => /and \d+ more; --json has all$/.test(line)).length, 2);
  const json = await shown(found, "--json");
  assert.doesNotMatch(json, /(?!\n)[\p{Cc}\u202E]/u);
  assert.deepEqual(JSON.parse(json), JSON.parse(JSON.stringify(found)));
});

test("an answer that this version does not understand is no crash", async () => {
  await using running = await sampleHost();
  running.operations.found = { providers: [{ ...docker, state: "odd" }] } as never;
  const { code, stderr } = await running.run("discover");
  assert.equal(code, 1);
  assert.match(stderr, /none that this version understands/);
});

test("without a program it says how to start one", async () => {
  const { code, stderr } = await runCommand(tidegate, ["discover", "--control", "/none.sock"]);
  assert.equal(code, 3);
  assert.match(stderr, /nothing is running at \/none\.sock/);
});
