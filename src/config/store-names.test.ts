// The file and the store lead to each other's services by name.

import { deepStrictEqual, strictEqual } from "node:assert";
import { test } from "node:test";
import { readConfig } from "./read.ts";

const read = (text: string) => readConfig(text, { file: "t.yaml", baseFolder: "/" });

test("the file may lead to what the store will have", () => {
  const { snapshot, problems } = read("routes: { a.test: { service: shop@store } }");
  deepStrictEqual(problems, []);
  strictEqual(snapshot?.routes[0]?.service, "shop@store");
});

test("no provider can be called as what is our own", () => {
  const text = (name: string) => `
routes: { a.test: { whoami: true } }
providers: { docker: { name: ${name} } }`;
  for (const name of ["store", "file"]) {
    deepStrictEqual(
      read(text(name)).problems.map(({ path, message }) => [path, message]),
      [["providers.docker.name", `${name} is a name of ours`]],
    );
  }
  deepStrictEqual(read(text("stores")).problems, []);
});
