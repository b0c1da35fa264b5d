import assert from "node:assert/strict";
import { test } from "node:test";
import type { DockerSettings } from "../../config/provider-settings.ts";
import { type Container, readContainer } from "./container.ts";
import { ContainerPlaces } from "./container-places.ts";

const id = "1".repeat(64);
const here: Pick<DockerSettings, "endpoint"> = { endpoint: { kind: "unix", path: "/s" } };
const elsewhere: Pick<DockerSettings, "endpoint"> = {
  endpoint: { kind: "tcp", host: "127.0.0.1", port: 2376, tls: undefined },
};

function container(state: Record<string, unknown>): Container {
  const read = readContainer({ Id: id }, { Config: {}, State: state });
  assert.ok(read !== undefined);
  return read;
}

async function placeOf(settings: typeof here, state: Record<string, unknown>) {
  const places = await new ContainerPlaces(settings).of(new Map([[id, container(state)]]));
  return places.get(id);
}

test("a process of this machine that is not of the container is not taken for its first one", async () => {
  const place = await placeOf(here, { Status: "running", Pid: process.pid });
  assert.equal(place?.init, undefined);
  assert.match(place?.why ?? "", /does not show that it is of this container/);
});

test("of an engine over the network no number is believed", async () => {
  const place = await placeOf(elsewhere, { Status: "running", Pid: process.pid });
  assert.equal(place?.init, undefined);
  assert.match(place?.why ?? "", /over the network/);
});

test("what does not run, or has no number that could be one, has no first process", async () => {
  const states = [
    { Status: "exited", Pid: process.pid },
    { Status: "created", Pid: 0 },
    { Status: "restarting", Pid: process.pid },
    ...[0, 1, -5, 1.5, 2 ** 60, "17", null, undefined].map((Pid) => ({ Status: "running", Pid })),
  ];
  for (const state of states) {
    const place = await placeOf(here, state);
    assert.equal(place?.init, undefined, JSON.stringify(state));
    assert.notEqual(place?.why, "", JSON.stringify(state));
  }
});
