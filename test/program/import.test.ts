// Configurations of other programs, made into ours by the command, and served by the real program.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { parse } from "yaml";
import { ask, field } from "../harness/ask.ts";
import { runCommand, tidegate } from "../harness/command.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

async function imported(text: string) {
  await using folder = await tempFolder();
  const file = folder.file("config.js");
  await writeFile(file, text);
  const ended = await runCommand(tidegate, ["import", "vm-http-proxy", file]);
  const config = parse(ended.stdout) as Record<string, unknown> | null;
  return { ...ended, config, notes: ended.stderr.trim().split("\n") };
}

/** What is wrong with it; "" = nothing. */
async function checked(yaml: string): Promise<string> {
  await using folder = await tempFolder();
  await writeFile(folder.file("tidegate.yaml"), yaml);
  const { code, stderr } = await runCommand(tidegate, ["check", folder.file("tidegate.yaml")]);
  return code === 0 ? "" : stderr;
}

const whole = `
var path = require("path");
module.exports = {
  ipAddress: "127.0.0.1",
  lxcRootFolder: path.join("/var", "lib", "lxc"),
  enableHttps: true,
  sslHostname: "secure.example.com",
  certificateFilename: "/etc/ssl/site.pem",
  certificateKeyFilename: "/etc/ssl/site.key",
  forceHttps: false,
  vmPlugin: require("./lib/lxc"),
  minLogLevel: "info",
  rewrites: [
    { from: "old.example.com", to: "new.example.com" },
    { from: /^(.+)\\.alias\\.example\\.com$/i, to: "$1.example.com" },
  ],
  redirections: [
    [/^http:\\/\\/(www\\.)?shop\\.example\\.com\\/(.*)$/, "https://secure.example.com/shop.example.com/$2"],
    { pattern: /\\/from\\//, target: "/to/", options: { statusCode: 301 }, processor: function () {} },
  ],
};
`;

test("config.js of vm-http-proxy becomes a complete configuration, and what is left out is said", async () => {
  const { code, config, notes, stdout } = await imported(whole);
  assert.equal(code, 0);
  assert.deepEqual(config, {
    listeners: { web: "127.0.0.1:80", secure: { bind: "127.0.0.1:443", tls: true } },
    tls: { certificates: { cert: "/etc/ssl/site.pem", key: "/etc/ssl/site.key" } },
    providers: {
      lxc: {
        paths: ["/var/lib/lxc"],
        byAddress: {
          rewrites: [
            { from: "old.example.com", to: "new.example.com" },
            { pattern: "(?i)^(.+)\\.alias\\.example\\.com$", to: "$1.example.com" },
          ],
          nameInPathOf: "secure.example.com",
        },
      },
    },
    routes: {
      everything: {
        host: "*",
        redirect: [
          {
            pattern: "^http:\\/\\/(www\\.)?shop\\.example\\.com\\/(.*)$",
            to: "https://secure.example.com/shop.example.com/$2",
            status: 302,
          },
          { pattern: "\\/from\\/", to: "/to/", status: 301 },
        ],
        service: "by-address@lxc",
      },
    },
  });
  assert.equal(await checked(stdout), "");
  assert.deepEqual(
    notes.map((note) => note.split(":")[0]),
    [
      "redirections[1]",
      "redirections are compared with the host as it was asked for, before any rewrite of it",
    ].concat(["minLogLevel"]),
  );
  for (const note of notes) assert.ok(stdout.includes(`# - ${note}`), note);
});

test("a template that was hardly changed is a few lines", async () => {
  const { config, notes, stdout } = await imported("module.exports = { forceHttps: true };");
  assert.deepEqual(config, {
    listeners: { web: ":80" },
    providers: { lxc: { paths: ["/var/lib/lxc"], byAddress: true } },
    routes: {
      everything: { host: "*", forceHttps: { status: 301 }, service: "by-address@lxc" },
    },
  });
  assert.equal(await checked(stdout), "");
  assert.deepEqual(notes, [""]);
});

test("what cannot be carried over is named, and the rest comes", async () => {
  const { code, config, notes } = await imported(`
    module.exports = {
      ipAddress: "eth0",
      enableHttps: true,
      vmPlugin: { getAvailableContainers: function () { return {}; } },
      rewrites: [{ from: 1, to: 2 }, { from: /ä/u, to: "x" }, { from: "a:8080", to: "b" }],
      redirections: [[/x/g, ""], ["plain.text", "https://x.test"], [/a/, "https://b.test", { statusCode: 304 }], {}],
      forceHtps: true,
      log: console.log("not for the output"),
    };
    process.stdout.write("neither is this");
    setInterval(() => {}, 1000);
  `);
  assert.equal(code, 0);
  assert.deepEqual((config?.["routes"] as { everything: object } | undefined)?.everything, {
    host: "*",
    redirect: [
      { pattern: "plain\\.text", to: "https://x.test", status: 302 },
      { pattern: "a", to: "https://b.test", status: 302 },
    ],
    service: "by-address@lxc",
  });
  const expected = [
    /^ipAddress: "eth0" is not an IP address/,
    /^rewrites\[0\]: needs a text/,
    /^rewrites\[1\]: .*flag u/,
    /^redirections\[0\]: only the first match/,
    /^redirections\[0\]: an empty target/,
    /^redirections\[2\]: its statusCode/,
    /^redirections\[3\]: has no pattern/,
    /^redirections are compared/,
    /^enableHttps without sslHostname/,
    /^vmPlugin: a plugin of your own/,
    /^enableHttps: name its certificate and key/,
    /^forceHtps: is not known; did you mean forceHttps\?/,
    /^log: is not known/,
    /^providers\.lxc\.byAddress\.rewrites\[0\]\.from: /,
  ];
  for (const pattern of expected)
    assert.ok(
      notes.some((note) => pattern.test(note)),
      String(pattern),
    );
  assert.equal(notes.length, expected.length, notes.join("\n"));
});

test("what is no configuration is said in one line", async () => {
  const cases = [
    ["module.exports = {", /cannot be loaded: Unexpected token|cannot be loaded: .*end of input/],
    ["throw new Error('no\\nway');", /cannot be loaded: no$/m],
    ["process.exit(3);", /ended by itself, with code 3/],
    ["module.exports = 5;", /exports no configuration/],
    ["", /exports no configuration/],
    ["const x = {}; x.x = x; module.exports = x;", /larger or deeper/],
  ] as const;
  for (const [text, why] of cases) {
    const { code, stdout, stderr } = await imported(text);
    assert.equal(code, 1, text);
    assert.equal(stdout, "", text);
    assert.match(stderr, why, text);
    assert.equal(stderr.trim().split("\n").length, 1, stderr);
  }
  const none = await runCommand(tidegate, ["import", "vm-http-proxy", "/nonexistent/config.js"]);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /cannot be loaded: Cannot find module/);
});

test("a configuration that never ends to load is given up", { timeout: 30_000 }, async () => {
  const { code, stderr } = await imported("for (;;) {}");
  assert.equal(code, 1);
  assert.match(stderr, /was not through after 5 s/);
});

test("what was made serves: redirects by pattern, and on where none fits", async () => {
  const { stdout } = await imported(whole.replace('path.join("/var", "lib", "lxc")', '"/"'));
  const config = stdout
    .replace("127.0.0.1:80", '"127.0.0.1:0"')
    .replace("paths:\n        - /", "paths: [.]");
  await using program = await startTidegate({ config });
  const moved = await ask(program.port(), { name: "www.shop.example.com", path: "/a?b" });
  assert.equal(moved.status, 302);
  assert.equal(field(moved, "location"), "https://secure.example.com/shop.example.com/a?b");
  const within = await ask(program.port(), { name: "x.example.com", path: "/a/from/b/from/" });
  assert.equal(within.status, 301);
  assert.equal(field(within, "location"), "http://x.example.com/a/to/b/from/");
  const other = await ask(program.port(), { name: "unknown.invalid", path: "/" });
  assert.ok([404, 502, 503].includes(other.status), String(other.status));
});
