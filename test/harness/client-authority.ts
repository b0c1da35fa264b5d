// An authority that signs certificates of clients and revokes them, under a root of its own, as houses have it; made with the
// openssl command. Guard the test with `needs("openssl")`.

import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { findCommand } from "./needs.ts";
import { tempFolder } from "./temp-folder.ts";

export interface ClientPair {
  readonly cert: string;
  readonly key: string;
}

export interface ClientAuthority extends AsyncDisposable {
  /** Path of the file with both authorities. */
  readonly ca: string;
  /** Path of the file with the lists of both. */
  readonly crl: string;
  sign(name: string): Promise<ClientPair>;
  /** Takes effect with the next list. */
  revoke(name: string): Promise<void>;
  /** Writes the lists anew. */
  list(validity?: "good for a day" | "over"): Promise<void>;
}

const run = promisify(execFile);

const settings = (folder: string) => `[ca]
default_ca = it
[it]
database = ${folder}/index.txt
new_certs_dir = ${folder}
serial = ${folder}/serial
crlnumber = ${folder}/crlnumber
certificate = ${folder}/ca.pem
private_key = ${folder}/ca.key
default_md = sha256
default_days = 2
policy = any
[any]
commonName = supplied
[authority]
basicConstraints = critical, CA:true
keyUsage = keyCertSign, cRLSign
`;

export async function clientAuthority(): Promise<ClientAuthority> {
  const folder = await tempFolder("tidegate-clients-");
  const openssl = findCommand("openssl") ?? "openssl";
  const call = async (line: string) =>
    void (await run(openssl, line.split(" "), { cwd: folder.path, timeout: 20_000 }));
  const newKey = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
  const join = async (into: string, parts: readonly string[]) => {
    const texts = parts.map((each) => readFile(folder.file(each), "utf8"));
    await writeFile(folder.file(into), (await Promise.all(texts)).join(""));
  };
  for (const each of ["root", "staff"]) {
    await mkdir(folder.file(each));
    await writeFile(folder.file(`${each}/ca.cnf`), settings(each));
    await writeFile(folder.file(`${each}/index.txt`), "");
    await writeFile(folder.file(`${each}/serial`), "01\n");
    await writeFile(folder.file(`${each}/crlnumber`), "01\n");
  }
  await call(`req -x509 ${newKey} -days 2 -subj /CN=root -keyout root/ca.key -out root/ca.pem`);
  await call(`req ${newKey} -subj /CN=staff -keyout staff/ca.key -out staff.csr`);
  await call(
    "ca -config root/ca.cnf -batch -notext -extensions authority -in staff.csr -out staff/ca.pem",
  );
  await join("ca.pem", ["root/ca.pem", "staff/ca.pem"]);
  const list = async (validity = "good for a day") => {
    const over = "-crl_lastupdate 20200101000000Z -crl_nextupdate 20200102000000Z";
    const times = validity === "over" ? over : "-crldays 1";
    for (const each of ["root", "staff"]) {
      await call(`ca -config ${each}/ca.cnf -gencrl ${times} -out ${each}.crl`);
    }
    await join("list.pem", ["root.crl", "staff.crl"]);
  };
  await list();
  return {
    ca: folder.file("ca.pem"),
    crl: folder.file("list.pem"),
    list,
    async sign(name) {
      await call(`req ${newKey} -subj /CN=${name} -keyout ${name}.key -out ${name}.csr`);
      await call(`ca -config staff/ca.cnf -batch -notext -in ${name}.csr -out ${name}.pem`);
      const [cert = "", key = ""] = await Promise.all(
        [`${name}.pem`, `${name}.key`].map((each) => readFile(folder.file(each), "utf8")),
      );
      return { cert, key };
    },
    revoke: (name) => call(`ca -config staff/ca.cnf -revoke ${name}.pem`),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
