import assert from "node:assert/strict";
import { test } from "node:test";
import { udpBackend } from "../../test/harness/datagram-bench.ts";
import { BackendPlace } from "./backend-place.ts";

test("a backend's addresses are used in turn, each until it fails", () => {
  const name = {
    addresses: ["10.0.0.1", "2001:db8::1"],
    failure: undefined,
    refresh: async () => {},
  };
  const place = new BackendPlace(53, name);
  const used = [];
  for (let n = 0; n < 3; n++) {
    used.push(place.address, place.address);
    place.onFailed();
  }
  assert.deepEqual(used, [
    ...["10.0.0.1", "10.0.0.1"],
    ...["2001:db8::1", "2001:db8::1"],
    ...["10.0.0.1", "10.0.0.1"],
  ]);
});

test("an address needs no looking up, and a name that does not exist says why", async () => {
  assert.equal(BackendPlace.of(udpBackend("udp://[::1]:53")).address, "::1");
  const place = BackendPlace.of(udpBackend("udp://nowhere.invalid:53"));
  assert.equal(place.address, undefined);
  await place.known();
  assert.equal(place.address, undefined);
  assert.match(place.failure?.message ?? "", /nowhere\.invalid/);
});
