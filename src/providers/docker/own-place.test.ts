import assert from "node:assert/strict";
import { test } from "node:test";
import { containerIdIn, ownPlace, v4Routes, v6Networks } from "./own-place.ts";

const routes = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
vpn0\t0000000A\t010011AC\t0003\t0\t0\t0\t000000FF\t0\t0\t0
gone\t00621DAC\t00000000\t0200\t0\t0\t0\t00FFFFFF\t0\t0\t0
`;

test("routes are read as the kernel writes them, backwards", () => {
  assert.deepEqual(v4Routes(routes), [
    { network: "0.0.0.0/0", gateway: "192.0.2.1" },
    { network: "172.17.0.0/16", gateway: "0.0.0.0" },
    { network: "10.0.0.0/8", gateway: "172.17.0.1" },
  ]);
  assert.deepEqual(v4Routes("rubbish\n\n1 2 3 4 5 6 7 8"), []);
});

test("of IPv6 only networks that an interface is in count", () => {
  const zero = "0".repeat(32);
  const row = (network: string, bits: string, gateway = zero, flags = "00000001", name = "br-1") =>
    `${network} ${bits} ${zero} 00 ${gateway} 00000100 00000001 00000000 ${flags}     ${name}`;
  const app = "fd0000290077".padEnd(32, "0");
  const lines = [
    row(app, "40"),
    row("fe80".padEnd(32, "0"), "40"),
    row("ff00".padEnd(32, "0"), "08"),
    row(zero, "00"),
    row(app, "80", zero, "80200001", "lo"),
    row(app, "40", "fd".padEnd(32, "1")),
    row(app, "40", zero, "00000201"),
    "rubbish",
  ];
  assert.deepEqual(v6Networks(lines.join("\n")), ["fd00:0029:0077:0000:0000:0000:0000:0000/64"]);
});

test("inside a container, its id is known by what the engine mounts there", () => {
  const id = "a1".repeat(32);
  const docker = `100 99 254:0 /var/lib/docker/containers/${id}/hostname /etc/hostname rw - ext4 /dev/vda rw`;
  const podman = `100 99 0:1 /storage/overlay-containers/${id}/userdata/hostname /etc/hostname rw - ext4 x rw`;
  assert.equal(containerIdIn(`1 0 0:1 / / rw\n${docker}\n`), id);
  assert.equal(containerIdIn(podman), id);
  // On a machine with containers, their files are mounted elsewhere.
  const outside = `100 99 0:1 / /var/lib/docker/containers/${id}/mounts/shm rw - tmpfs shm rw`;
  assert.equal(containerIdIn(outside), undefined);
});

test("this machine can be read", async () => {
  const { networks, containerId } = await ownPlace();
  assert.equal(networks.has("203.0.113.7"), false);
  assert.ok(containerId === undefined || containerId.length === 64);
});
