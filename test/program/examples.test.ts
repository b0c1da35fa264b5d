// Every example is a configuration that the real program starts with.

import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { test } from "node:test";

import { connect } from "../harness/client.ts";
import { startTidegate } from "../harness/tidegate.ts";

const folder = resolve(import.meta.dirname, "../../examples");
const names = (await readdir(folder)).filter((name) => name.endsWith(".yaml"));

/** The machine need not have all that an example looks at, nor the containers that it names. */
function isOfAbsentDaemon(line: string): boolean {
  return /"a provider (failed|works again)\b|"the files of a container cannot be reached now"/.test(
    line,
  );
}

test("there are examples", () => {
  ok(names.length >= 3);
});

for (const name of names) {
  test(`examples/${name} starts and says nothing is wrong with it`, async () => {
    const text = await readFile(join(folder, name), "utf8");
    const isDiscovering = /^providers:/m.test(text);
    // The one thing that must differ: the system chooses the ports.
    const config = text.replaceAll(/":\d+"/g, '"127.0.0.1:0"');
    await using program = await startTidegate({ config });
    await using client = await connect(program.port());
    await client.send("GET / HTTP/1.1\r\nHost: nobody.invalid\r\nConnection: close\r\n\r\n");
    // Nobody's host: no backend is needed for the answer.
    ok((await client.readResponse()).status < 500);
    const { code } = await program.stop();
    strictEqual(code, 0);
    const said = program.stderr().split("\n");
    deepStrictEqual(
      said.filter((line) => line !== "" && !(isDiscovering && isOfAbsentDaemon(line))),
      [],
    );
  });
}
