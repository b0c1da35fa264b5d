// Three containers as the old recipe has them, none of which runs a web server: a feed reader in PHP, a store of
// files in Django behind FastCGI over TCP, and a forge behind a unix socket.

import { chmod, mkdir, symlink } from "node:fs/promises";
import { dirname } from "node:path";
import { giveTo, type LxcApp, lxcAppNeeds, makeLxcApp } from "./lxc-app.ts";
import type { LxcHost } from "./lxc-host.ts";
import * as django from "./recipe-django.ts";
import * as git from "./recipe-git.ts";
import * as php from "./recipe-php.ts";

/** What a test that uses them needs, besides root. */
export const recipeNeeds = [
  ...new Set([...lxcAppNeeds, ...php.phpNeeds, ...django.djangoNeeds, ...git.gitNeeds]),
] as const;

/** Listens at `/run/php/php-fpm.sock`, which belongs to a user of its own: it is an unprivileged container. */
export async function startFeedReader(host: LxcHost, name: string, last: number): Promise<LxcApp> {
  const app = await makeLxcApp(host, name, {
    last,
    firstUser: 200_000,
    prepare: php.phpPlaces,
    programs: [php.phpProgram],
    files: { ...php.phpSettings(php.phpSocket), ...php.feedReader },
  });
  await app.start();
  await app.listens(php.phpSocket);
  return app;
}

/** Listens at ports 8000 (FastCGI) and 8082 (HTTP). */
export async function startSeafile(host: LxcHost, name: string, last: number): Promise<LxcApp> {
  const app = await makeLxcApp(host, name, {
    last,
    programs: [django.seahubProgram, django.contentProgram],
    files: django.seafile,
  });
  for (const [link, said] of Object.entries(django.seafileLinks)) {
    await symlink(said, app.file(link));
  }
  await giveTo("www-data", app.file("/var/log"));
  await app.start();
  await app.listens(django.seahubPort);
  await app.listens(django.contentPort);
  return app;
}

/** Listens at a socket on its disk; has the empty repository `group/project.git`. */
export async function startForge(host: LxcHost, name: string, last: number): Promise<LxcApp> {
  const app = await makeLxcApp(host, name, {
    last,
    programs: [git.workhorseProgram],
    files: git.gitLab,
  });
  await mkdir(dirname(app.file(git.workhorseSocket)), { recursive: true });
  await chmod(dirname(app.file(git.workhorseSocket)), 0o755);
  await app.start();
  const project = "/var/opt/gitlab/repositories/group/project.git";
  await app.run("git", "init", "--quiet", "--bare", "--initial-branch=main", project);
  await app.listens(git.workhorseSocket);
  return app;
}
