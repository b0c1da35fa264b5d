import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type ListenOptions } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type {
  DiscoverySettings,
  IncusSettings,
  LibvirtSettings,
  LxcSettings,
} from "../config/provider-settings.ts";
import type { DockerSettings, Endpoint } from "../config/provider-settings.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { foundProviders } from "./found-daemons.ts";

// What is looked for stands in the keys of each kind; the rest makes no difference.
const common = {} as Omit<DiscoverySettings, "name">;

function docker(kind: DockerSettings["kind"], endpoint: Endpoint): DockerSettings {
  return { ...common, kind, name: kind, endpoint } as DockerSettings;
}
const unix = (path: string): Endpoint => ({ kind: "unix", path });
const incus = (kind: IncusSettings["kind"], socket: string) =>
  ({ ...common, kind, name: kind, socket }) as IncusSettings;
const lxc = (...paths: string[]) =>
  ({ ...common, kind: "lxc", name: "lxc", paths }) as unknown as LxcSettings;
const libvirt = (...uris: string[]) =>
  ({ ...common, kind: "libvirt", name: "libvirt", uris }) as unknown as LibvirtSettings;

const kinds = (found: readonly { readonly kind: string }[]) => found.map(({ kind }) => kind);

async function listener(place: ListenOptions) {
  const server = createServer((socket) => socket.destroy());
  server.listen(place);
  await once(server, "listening");
  return {
    server,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, "close");
    },
  };
}

test("a daemon is found where somebody accepts, and files that were left behind are passed over", async () => {
  await using folder = await tempFolder();
  const path = folder.file("docker.sock");
  await using _docker = await listener({ path });
  await writeFile(folder.file("file.sock"), "");
  const stale = folder.file("stale.sock");
  await symlink(folder.file("gone"), stale);
  const found = await foundProviders([
    docker("podman", unix(folder.file("file.sock"))),
    docker("docker", unix(path)),
    incus("incus", stale),
    incus("lxd", folder.file(`${"x".repeat(200)}.sock`)),
    lxc(folder.file("none")),
  ]);
  assert.deepEqual(kinds(found), ["docker"]);
});

test("a daemon over TCP is found, too, and one that does not answer holds nobody up", async () => {
  await using tcp = await listener({ host: "127.0.0.1", port: 0 });
  const { port } = tcp.server.address() as AddressInfo;
  const endpoint = { kind: "tcp", host: "127.0.0.1", port, tls: undefined } as const;
  // TEST-NET-1 of RFC 5737: nobody is there, and nobody says so.
  const silent = { kind: "tcp", host: "192.0.2.1", port: 2376, tls: undefined } as const;
  const begin = performance.now();
  const found = await foundProviders([docker("podman", silent), docker("docker", endpoint)]);
  assert.deepEqual(kinds(found), ["docker"]);
  assert.ok(performance.now() - begin < 1000);
});

test("a daemon that two sockets lead to is asked at its own", async () => {
  await using folder = await tempFolder();
  const own = folder.file("podman.sock");
  const link = folder.file("docker.sock");
  await using _podman = await listener({ path: own });
  await symlink(own, link);
  const both = [docker("docker", unix(link)), docker("podman", unix(own))];
  assert.deepEqual(kinds(await foundProviders(both)), ["podman"]);
  // Whose own path is a link as well is still found, once.
  const links = [docker("docker", unix(link)), docker("podman", unix(link))];
  assert.deepEqual(kinds(await foundProviders(links)), ["docker"]);
});

test("a folder of LXC counts when a container of it can be read", async () => {
  await using folder = await tempFolder();
  const path = folder.file("lxc");
  await mkdir(join(path, "half-made"), { recursive: true });
  await writeFile(join(path, "README"), "");
  assert.deepEqual(await foundProviders([lxc(path)]), []);
  await writeFile(join(path, "half-made", "config"), "lxc.uts.name = a\n");
  assert.deepEqual(kinds(await foundProviders([lxc(folder.file("none"), path)])), ["lxc"]);
});

test("libvirt is found by a socket of its daemons, if its program is there", async () => {
  await using folder = await tempFolder();
  const programs = folder.file("bin");
  await mkdir(programs);
  const search = { path: `/none:${programs}`, libvirtFolder: folder.path };
  const all = [libvirt("qemu:///system", "lxc:///system")];
  await using _daemon = await listener({ path: folder.file("virtlxcd-sock") });
  assert.deepEqual(await foundProviders(all, search), []);
  await writeFile(join(programs, "virsh"), "#!/bin/sh\n");
  assert.deepEqual(await foundProviders(all, search), []);
  await chmod(join(programs, "virsh"), 0o755);
  assert.deepEqual(kinds(await foundProviders(all, search)), ["libvirt"]);
  assert.deepEqual(await foundProviders([libvirt("qemu:///system")], search), []);
});
