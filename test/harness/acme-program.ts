// The real program beside a real certificate authority: its listeners are where the authority looks.

import type { X509Certificate } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { connect } from "node:tls";
import type { CertificateRow } from "../../src/admin/operations.ts";
import { eventually } from "./barrier.ts";
import type { Pebble } from "./pebble.ts";
import { startTidegate, type Tidegate, type TidegateOptions } from "./tidegate.ts";
import { tempFolder, type TempFolder } from "./temp-folder.ts";
import { runCommand } from "./command.ts";
import { resolve } from "node:path";

export interface AcmeProgram extends AsyncDisposable {
  readonly tidegate: Tidegate;
  /** Holds what the configuration names. */
  readonly folder: TempFolder;
  config(more: AcmeWishes): Record<string, unknown>;
}

export interface AcmeWishes {
  /** Hosts of each route. */
  readonly routes: Readonly<Record<string, readonly string[]>>;
  /** Of `tls.acme`. */
  readonly acme?: Record<string, unknown>;
  readonly tls?: Record<string, unknown>;
  readonly kind?: "auto" | "internal";
  readonly more?: Record<string, unknown>;
}

/** PEM of who signed the authority's own web server has to be in `folder` as `ca.pem`. */
export function acmeConfig(
  pebble: Pick<Pebble, "directory" | "httpPort" | "tlsPort">,
  folder: TempFolder,
  { routes, acme, tls, kind = "auto", more }: AcmeWishes,
): Record<string, unknown> {
  const written = {
    listeners: {
      web: `127.0.0.1:${pebble.httpPort}`,
      secure: { bind: `127.0.0.1:${pebble.tlsPort}`, tls: true },
    },
    routes: Object.fromEntries(
      Object.entries(routes).map(([name, host]) => [name, { host, whoami: true, tls: kind }]),
    ),
    tls: {
      acme: {
        email: "admin@example.test",
        authority: { directory: pebble.directory, ca: folder.file("ca.pem") },
        ...acme,
      },
      ...tls,
    },
    admin: false,
    ...more,
  };
  return JSON.parse(JSON.stringify(written).replaceAll("{folder}", folder.path));
}

export interface AcmeOptions extends Omit<TidegateOptions, "config"> {
  /** Further files of the folder, which `{folder}` in the wishes stands for. */
  readonly files?: Readonly<Record<string, string>>;
}

export async function startAcmeProgram(
  pebble: Pebble,
  wishes: AcmeWishes,
  { files = {}, ...options }: AcmeOptions = {},
): Promise<AcmeProgram> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await tempFolder());
  await writeFile(folder.file("ca.pem"), pebble.ca);
  for (const [name, text] of Object.entries(files)) await writeFile(folder.file(name), text);
  const config = (more: AcmeWishes) => acmeConfig(pebble, folder, more);
  const tidegate = stack.use(await startTidegate({ config: config(wishes), ...options }));
  const held = stack.move();
  return { tidegate, folder, config, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** The certificate that a client is shown for the name. */
export async function shownFor(port: number, servername: string): Promise<X509Certificate> {
  const { promise, resolve: done, reject } = Promise.withResolvers<X509Certificate>();
  const socket = connect({ host: "127.0.0.1", port, servername, rejectUnauthorized: false });
  socket.setTimeout(10_000, () => socket.destroy(new Error("no handshake")));
  socket.on("error", reject);
  socket.on("close", () => reject(new Error("closed")));
  socket.on("secureConnect", () => {
    const found = socket.getPeerX509Certificate();
    if (found !== undefined) done(found);
    socket.end();
  });
  return promise;
}

/** Waits until the name is shown with a certificate of the authority. */
export function servedBy(
  port: number,
  name: string,
  issuer: RegExp,
  timeoutMs = 30_000,
): Promise<X509Certificate> {
  return eventually(
    `a certificate for ${name}`,
    async () => {
      const found = await shownFor(port, name).catch(() => undefined);
      return found !== undefined && issuer.test(found.issuer) ? found : undefined;
    },
    timeoutMs,
  );
}

/** `tidegate certs …` */
export function runCertificates(tidegate: Tidegate, words: readonly string[]) {
  const cli = resolve(import.meta.dirname, "../../src/cli/main.ts");
  return runCommand(process.execPath, [cli, "certs", ...words, "--control", tidegate.control]);
}

export async function certificateRows(tidegate: Tidegate): Promise<readonly CertificateRow[]> {
  const { stdout, stderr } = await runCertificates(tidegate, ["--json"]);
  try {
    return JSON.parse(stdout);
  } catch {
    throw new Error(`${stdout}${stderr}`);
  }
}
