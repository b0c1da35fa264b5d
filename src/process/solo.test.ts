import { noCredentials } from "../config/certificate.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { ask } from "../../test/harness/ask.ts";
import { eventually } from "../../test/harness/barrier.ts";
import { httpOrigin } from "../../test/harness/origin.ts";
import { readConfig } from "../config/read.ts";
import type { MeterChange } from "../metrics/layout.ts";
import type { ServiceOutcomes } from "../upstream/state.ts";
import { Solo } from "./solo.ts";

test(
  "only what was asked since the last time is told of services",
  { timeout: 20_000 },
  async () => {
    await using origin = await httpOrigin((_, response) => response.end("ok"));
    const told: (readonly ServiceOutcomes[])[] = [];
    const measured: (MeterChange & { readonly slot: number })[] = [];
    const ignore = () => {};
    const solo = new Solo({
      user: {
        states: () => ({ backends: [], services: [], marks: [] }),
        onMark: ignore,
        onAskedName: () => {},
        onWanted: ignore,
        onMeasures: (_, slot, { rows }) => measured.push(...rows.map((row) => ({ ...row, slot }))),
        onOutcomes: (_, services) => void told.push(services),
        onReplaced: ignore,
        onGone: ignore,
      },
      log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
      inherited: [],
    });
    const text = JSON.stringify({
      listeners: { web: "127.0.0.1:0" },
      accessLog: "off",
      services: { a: { backends: [origin.url] }, b: { backends: [origin.url] } },
      routes: { a: { host: "a.test", service: "a" }, b: { host: "b.test", service: "b" } },
    });
    const { snapshot } = readConfig(text, { file: "test.json", baseFolder: "/" });
    assert.ok(snapshot);
    await solo.apply({ ...snapshot, version: 1, secret: "", credentials: noCredentials });
    try {
      const port = solo.bound["web"]?.[0]?.port ?? 0;
      const heardOf = (service: string, answered: number) =>
        eventually(`${service} to be told`, () =>
          told.flat().find((each) => each.service === service && each.answered === answered),
        );
      assert.equal((await ask(port, { name: "a.test" })).status, 200);
      await heardOf("a", 1);
      assert.equal((await ask(port, { name: "b.test" })).status, 200);
      await heardOf("b", 1);
      assert.equal((await ask(port, { name: "b.test" })).status, 200);
      await heardOf("b", 2);
      await eventually("its numbers are told, too", () =>
        measured.some(({ kind, labels: [name], slot }) => {
          return kind === "route" && name === "b" && slot === 0;
        }),
      );
    } finally {
      await solo.end(AbortSignal.abort());
    }
    assert.deepEqual(
      told.map((services) => services.map(({ service, answered }) => `${service} ${answered}`)),
      [["a 1"], ["b 1"], ["b 2"]],
    );
  },
);
