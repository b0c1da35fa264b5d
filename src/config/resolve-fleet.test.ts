import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { test } from "node:test";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { shownSettings } from "../process/shown-settings.ts";
import { formatProblem } from "./problem.ts";
import { readConfig } from "./read.ts";

function read(text: string, baseFolder = "/base") {
  const { snapshot, problems } = readConfig(`routes: { a: { whoami: true } }\n${text}\n`, {
    file: "t.yaml",
    baseFolder,
  });
  return { snapshot, told: problems.map(formatProblem) };
}

test("only where etcd is has to be said", () => {
  assert.deepEqual(read("fleet: { etcd: {} }").snapshot?.fleet, {
    server: {
      endpoints: ["http://127.0.0.1:2379"],
      ...{ username: undefined, password: undefined, tls: undefined },
      ...{ place: "t.yaml:2:1", prefix: "tidegate-fleet/" },
    },
    node: hostname(),
    ttl: 10_000,
  });
  assert.equal(read("").snapshot?.fleet, undefined);
});

test("all can be said, and the password is in a file and nowhere else", async () => {
  await using folder = await tempFolder();
  await writeFile(folder.file("word"), "s3cret\n");
  const { snapshot, told } = read(
    `fleet:
  etcd: { endpoints: ["http://a:1", "http://b:1"], username: me, passwordFile: word }
  prefix: "x/"
  node: web-1
  ttl: 1m`,
    folder.path,
  );
  assert.deepEqual(told, []);
  assert.ok(snapshot?.fleet !== undefined);
  const { server, ...rest } = snapshot.fleet;
  assert.deepEqual(rest, { node: "web-1", ttl: 60_000 });
  assert.deepEqual(server.endpoints, ["http://a:1", "http://b:1"]);
  assert.equal(server.password, "s3cret");
  assert.equal(server.prefix, "x/");
  assert.doesNotMatch(JSON.stringify(shownSettings(snapshot)), /s3cret/);
  assert.doesNotMatch(JSON.stringify(snapshot.written?.sections), /etcd/);
});

for (const [text, message] of [
  ["fleet: {}", /fleet\.etcd: etcd is missing; add etcd/],
  ["fleet: s3cret", /fleet: must be a mapping/],
  ["fleet: { etcd: { password: s3cret } }", /there is a password and no user/],
  ["fleet: { etcd: { endpoints: 'http://u:s3cret@h' } }", /has a user in it/],
  ["fleet: { etcd: {}, node: a/b }", /fleet\.node: must be letters/],
  ["fleet: { etcd: {}, node: '' }", /fleet\.node: must be letters/],
  ["fleet: { etcd: {}, ttl: 1s }", /fleet\.ttl: must be whole seconds, from 3s to 10m; write 10s/],
  ["fleet: { etcd: {}, ttl: 3500ms }", /fleet\.ttl: must be whole seconds/],
  ["fleet: { etcd: {}, prefix: x }", /fleet\.prefix: does not end in \/; write "tidegate-fleet\/"/],
  ["fleet: { etcd: {}, nodes: s3cret }", /unknown key "nodes"; write node/],
] as const) {
  test(`${text} is refused, and repeats no secret`, () => {
    const { snapshot, told } = read(text);
    assert.equal(snapshot, undefined);
    assert.match(told.join("\n"), message);
    assert.doesNotMatch(told.join("\n"), /s3cret/);
  });
}
