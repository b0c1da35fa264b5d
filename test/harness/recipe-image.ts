// A Docker image of PHP and nothing else, made on the spot out of this machine's programs, so that no registry is
// asked. Its containers take `/usr` from here, read only, and have a `/run` that only they see.

import { runCommand } from "./command.ts";
import type { DockerEngine } from "./docker-engine.ts";
import { feedReader, phpPlaces, phpProgram, phpSettings, phpSocket } from "./recipe-php.ts";
import { makeProgramRoot } from "./recipe-root.ts";
import { tempFolder } from "./temp-folder.ts";

const tag = "tidegate-test-php:1";

/** PHP listens on its socket in `/run`; the feed reader is in `/var/www`. */
export async function makePhpImage({ docker }: Pick<DockerEngine, "docker">): Promise<void> {
  await using folder = await tempFolder();
  const [root, archive] = [folder.file("root"), folder.file("root.tar")];
  await makeProgramRoot(root, {
    prepare: phpPlaces,
    programs: [phpProgram],
    files: { ...phpSettings(phpSocket), ...feedReader },
  });
  const packed = await runCommand("tar", ["-C", root, "-cf", archive, "."]);
  if (packed.code !== 0) throw new Error(`tar ended with ${packed.code}: ${packed.stderr}`);
  const command = JSON.stringify(["/opt/busybox", "init"]);
  await docker(["import", "--change", `CMD ${command}`, archive, tag]);
}

export async function runPhp(
  { docker }: Pick<DockerEngine, "docker">,
  name: string,
  args: readonly string[] = [],
): Promise<void> {
  const places = ["--volume", "/usr:/usr:ro", "--tmpfs", "/run"];
  await docker(["run", "--detach", "--name", name, ...places, ...args, tag]);
}
