// A throw-away authority and server certificates, made with the openssl command and kept for the run of
// one test file. Guard the test with `needs("openssl")`.

import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { promisify } from "node:util";
import { findCommand } from "./needs.ts";
import { tempFolder } from "./temp-folder.ts";

export interface Certificates {
  /** PEM of the authority that signed. */
  readonly ca: string;
  readonly key: string;
  readonly cert: string;
}

const run = promisify(execFile);
const made = new Map<string, Promise<Certificates>>();

/** A certificate for these names and addresses, of an authority nobody else trusts. */
export function certificates(...names: readonly string[]): Promise<Certificates> {
  const subjects = names.length === 0 ? ["localhost", "127.0.0.1", "::1"] : names;
  const key = subjects.join(" ");
  let found = made.get(key);
  if (found === undefined) {
    found = make(subjects);
    made.set(key, found);
  }
  return found;
}

async function make(names: readonly string[]): Promise<Certificates> {
  await using folder = await tempFolder("tidegate-certificates-");
  const openssl = findCommand("openssl") ?? "openssl";
  const call = (line: string) =>
    run(openssl, line.split(" "), { cwd: folder.path, timeout: 20_000 });
  const curve = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
  await call(
    `req -x509 ${curve} -days 2 -subj /CN=tidegate-test-authority -keyout ca.key -out ca.pem`,
  );
  await call(`req ${curve} -subj /CN=tidegate-test -keyout server.key -out server.csr`);
  const alternatives = names.map((name) => `${isIP(name) === 0 ? "DNS" : "IP"}:${name}`).join(",");
  await writeFile(folder.file("server.ext"), `subjectAltName=${alternatives}\n`);
  await call(
    "x509 -req -days 2 -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile server.ext -out server.pem",
  );
  const [ca, key, cert] = await Promise.all(
    ["ca.pem", "server.key", "server.pem"].map((name) => readFile(folder.file(name), "utf8")),
  );
  if (ca === undefined || key === undefined || cert === undefined) throw new Error("unreachable");
  return { ca, key, cert };
}
