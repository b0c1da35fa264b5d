// Containers that serve a page which says who they are: from an image made on the spot out of the machine's
// static busybox, so that no registry is asked. Guard the test with `needs(...webImageNeeds)`.

import { copyFile, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { runCommand } from "./command.ts";
import type { DockerEngine } from "./docker-engine.ts";
import { findCommand } from "./needs.ts";
import { tempFolder } from "./temp-folder.ts";

export const webImageNeeds = ["busybox", "tar"] as const;

const tag = "tidegate-test-web:1";
/** Serves at every path that a test asks for; at /hostname/ who it is among others of its name. */
const pages =
  "for each in . api deep/er hostname; do mkdir -p /www/$each; echo $WHO >/www/$each/index.html; done; " +
  "hostname >/www/hostname/index.html";
const command = ["/bin/sh", "-c", `${pages}; exec httpd -f -p "$LISTEN" -h /www`];

export interface WebContainers {
  /** Returns when the container was started; it listens a moment later. */
  run(container: WebContainer): Promise<void>;
}

export interface WebContainer {
  /** Of the container, and the text of its page. */
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** As docker-compose labels it. */
  readonly project?: string;
  readonly role?: string;
  /** 80 unless said otherwise, and always the only one that the image exposes. */
  readonly port?: number;
  /** Further arguments of `docker run`. */
  readonly args?: readonly string[];
}

export async function webContainers(engine: Pick<DockerEngine, "docker">): Promise<WebContainers> {
  await webImages(engine, { [tag]: {} });
  const run = async (container: WebContainer) => {
    await engine.docker([...runWords(container), tag]);
  };
  return { run };
}

export interface WebImage {
  /** Text of the page of its containers. */
  readonly page?: string;
  /** 80 unless said otherwise. */
  readonly port?: number;
}

/** The same under other names, so that files which name those need no registry. */
export async function webImages(
  { docker }: Pick<DockerEngine, "docker">,
  images: Readonly<Record<string, WebImage>>,
): Promise<void> {
  await using folder = await tempFolder();
  const root = folder.file("root");
  for (const each of ["bin", "etc", "proc", "sys", "dev", "tmp", "www"]) {
    await mkdir(join(root, each), { recursive: true });
  }
  await copyFile(findCommand("busybox") ?? "busybox", join(root, "bin/busybox"));
  for (const each of ["sh", "httpd", "mkdir", "sleep", "hostname", "wget"]) {
    await symlink("busybox", join(root, "bin", each));
  }
  const archive = folder.file("root.tar");
  const packed = await runCommand("tar", ["-C", root, "-cf", archive, "."]);
  if (packed.code !== 0) throw new Error(`tar ended with ${packed.code}: ${packed.stderr}`);
  for (const [name, { page = "", port = 80 }] of Object.entries(images)) {
    const changes = [
      // Podman reads one variable a line.
      ...["ENV PATH=/bin", `ENV LISTEN=${port}`, ...(page === "" ? [] : [`ENV WHO=${page}`])],
      `EXPOSE ${port}/tcp`,
      `CMD ${JSON.stringify(command)}`,
    ];
    await docker(["import", ...changes.flatMap((each) => ["--change", each]), archive, name]);
  }
}

function runWords({ name, labels = {}, env = {}, ...rest }: WebContainer): string[] {
  const { project, role, port, args = [] } = rest;
  const all = {
    ...(project === undefined ? {} : { "com.docker.compose.project": project }),
    ...(role === undefined ? {} : { "com.docker.compose.service": role }),
    ...labels,
  };
  const variables = { WHO: name, ...(port === undefined ? {} : { LISTEN: `${port}` }), ...env };
  return [
    ...["run", "--detach", "--name", name],
    ...Object.entries(all).flatMap(([key, value]) => ["--label", `${key}=${value}`]),
    ...Object.entries(variables).flatMap(([key, value]) => ["--env", `${key}=${value}`]),
    ...args,
  ];
}
