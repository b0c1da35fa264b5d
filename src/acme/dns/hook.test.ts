import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { tempFolder } from "../../../test/harness/temp-folder.ts";
import { dnsProviderOf } from "./registry.ts";

const never = new AbortController().signal;

function hook(script: string) {
  return dnsProviderOf({ kind: "hook", command: ["/bin/sh", "-c", script, "hook"] });
}

test("a hook is called with what to do, the name and the value, one call at a time", async () => {
  await using folder = await tempFolder();
  const path = folder.file("calls");
  const provider = hook(`echo "begin $*" >> ${path}; sleep 0.05; echo "end $*" >> ${path}`);
  await Promise.all([
    provider.set("_acme-challenge.a.test", "v1", never),
    provider.set("_acme-challenge.a.test", "v2", never),
    provider.remove("_acme-challenge.a.test", "v1", never),
  ]);
  const lines = (await readFile(path, "utf8")).trim().split("\n");
  const words = ["set _acme-challenge.a.test v1", "set _acme-challenge.a.test v2"];
  const calls = [...words, "remove _acme-challenge.a.test v1"];
  assert.deepEqual(
    lines,
    calls.flatMap((each) => [`begin ${each}`, `end ${each}`]),
  );
});

test("a hook that fails is told with what it said, in one line and not for ever", async () => {
  const provider = hook("echo 'no such\nzone' >&2; exit 3");
  await assert.rejects(provider.set("a", "b", never), {
    message: "the hook /bin/sh set a ended with 3: no such zone",
  });
  const loud = hook("yes | head -c 1000000 >&2; exit 1");
  await assert.rejects(loud.set("a", "b", never), ({ message }: Error) => message.length < 1000);
  const killed = hook("kill -9 $$");
  await assert.rejects(killed.set("a", "b", never), /ended with SIGKILL/);
});

test("one that is not there, hangs or leaves somebody behind does not hold us up", async () => {
  const missing = dnsProviderOf({ kind: "hook", command: ["/no/such/hook"] });
  await assert.rejects(missing.set("a", "b", never), /cannot be run: .*ENOENT/);
  const ending = new AbortController();
  const hanging = hook("sleep 60").set("a", "b", ending.signal);
  setTimeout(() => ending.abort(new Error("enough")), 50);
  await assert.rejects(hanging, /enough/);
  const began = performance.now();
  await hook("sleep 2 & exit 0").set("a", "b", never);
  assert.ok(performance.now() - began < 1900);
});
