// A real uWSGI with a Python application, which speaks uwsgi, SCGI, FastCGI and HTTP on sockets of one folder. Guard the test
// with `needs(...uwsgiNeeds)`.

import { access, chmod, writeFile } from "node:fs/promises";
import type { GatewayProtocol } from "../../src/config/gateway.ts";
import { eventually } from "./barrier.ts";
import { daemonUser } from "./daemon.ts";

export const uwsgiNeeds = ["uwsgi_python3", "setpriv"] as const;

export interface Uwsgi extends AsyncDisposable {
  readonly sockets: Readonly<Record<GatewayProtocol, string>>;
  readonly folder: string;
  log(): string;
}

/** @param application Python text with a WSGI callable `application` */
export async function startUwsgi(application: string, workers = 4): Promise<Uwsgi> {
  const user = await daemonUser("nobody");
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await user.folder("tidegate-uwsgi-"));
  await chmod(folder.path, 0o777);
  await writeFile(folder.file("application.py"), application, { mode: 0o644 });
  const sockets = {
    uwsgi: folder.file("uwsgi.sock"),
    scgi: folder.file("scgi.sock"),
    fastcgi: folder.file("fastcgi.sock"),
  };
  const daemon = user.start("uwsgi_python3", [
    ...["--uwsgi-socket", sockets.uwsgi],
    ...["--scgi-socket", sockets.scgi],
    ...["--fastcgi-socket", sockets.fastcgi],
    ...["--wsgi-file", folder.file("application.py")],
    ...["--master", "--processes", `${workers}`, "--buffer-size", "65535"],
    ...["--disable-logging", "--chmod-socket=666", "--need-app", "--die-on-term"],
  ]);
  stack.defer(async () => {
    if (!daemon.hasEnded()) await daemon.end("SIGTERM");
  });
  await eventually(
    "uWSGI to be ready",
    async () => {
      if (daemon.hasEnded()) throw new Error(`uWSGI ended: ${daemon.log()}`);
      if (!daemon.log().includes("spawned uWSGI worker")) return undefined;
      return access(sockets.fastcgi).then(
        () => true,
        () => undefined,
      );
    },
    20_000,
  );
  const owned = stack.move();
  return {
    sockets,
    folder: folder.path,
    log: () => daemon.log(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
