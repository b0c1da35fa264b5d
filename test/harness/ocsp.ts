// An authority of openssl that answers questions about its certificates (OCSP): a root, one below it that signs, and what it says
// of each. Guard the test with `needs("openssl")`; for the responder that listens also with `needs("setpriv")`.

import { readFile, writeFile } from "node:fs/promises";
import { eventually } from "./barrier.ts";
import { runCommand } from "./command.ts";
import { type Daemon, daemonUser } from "./daemon.ts";
import { tempFolder } from "./temp-folder.ts";

export interface OcspLeaf {
  readonly serial: string;
  /** PEM: its own, then of who signed it. */
  readonly chain: string;
  readonly key: string;
}

export interface LeafOptions {
  readonly url?: string;
  readonly mustStaple?: boolean;
  readonly kind?: "ec" | "rsa";
}

export interface OcspAuthority extends AsyncDisposable {
  /** PEM */
  readonly root: string;
  issue(name: string, options?: LeafOptions): Promise<OcspLeaf>;
  /** From now on it is said to be revoked. A responder that listens has to be started again. */
  revoke(leaf: OcspLeaf): Promise<void>;
  /** @param signer `authority`, or whom it has allowed to, or has not @param more arguments of `openssl ocsp` */
  answer(
    question: Buffer,
    signer?: "authority" | "delegate" | "stranger",
    more?: readonly string[],
  ): Promise<Buffer>;
  /** Listens at a port of its own. */
  responder(port: number, more?: readonly string[]): Promise<Daemon>;
}

const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
const rsa = ["-newkey", "rsa:2048", "-nodes"];
const authority = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n";
const asked = ["-index", "index.txt", "-CA", "between.pem"];

export async function ocspAuthority(): Promise<OcspAuthority> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await tempFolder("tidegate-ocsp-"));
  const openssl = async (...args: readonly string[]) => {
    const { code, stderr } = await runCommand("openssl", args, { cwd: folder.path });
    if (code !== 0) throw new Error(`openssl ${args.join(" ")}: ${stderr}`);
  };
  let count = 0x1000;
  const sign = async (name: string, by: string, extensions: string, key = curve) => {
    const serial = (count++).toString(16).toUpperCase();
    await writeFile(folder.file(`${name}.ext`), extensions);
    await openssl(
      ...["req", ...key, "-subj", `/CN=${name}`],
      ...["-keyout", `${name}.key`, "-out", `${name}.csr`],
    );
    await openssl(
      ...["x509", "-req", "-days", "5", "-in", `${name}.csr`, "-out", `${name}.pem`],
      ...["-CA", `${by}.pem`, "-CAkey", `${by}.key`, "-set_serial", `0x${serial}`],
      ...["-extfile", `${name}.ext`],
    );
    return serial;
  };
  await openssl(
    ...["req", "-x509", ...curve, "-days", "6", "-subj", "/CN=ocsp test root"],
    ...["-keyout", "root.key", "-out", "root.pem"],
  );
  await sign("between", "root", authority);
  await sign("delegate", "between", "extendedKeyUsage=OCSPSigning\n");
  await sign("stranger", "between", "extendedKeyUsage=serverAuth\n");
  const read = (name: string) => readFile(folder.file(name), "utf8");
  const lines = new Map<string, string>();
  const writeIndex = () => writeFile(folder.file("index.txt"), [...lines.values(), ""].join("\n"));
  const signedBy = (signer: string) => ["-rsigner", `${signer}.pem`, "-rkey", `${signer}.key`];
  const [root, between] = [await read("root.pem"), await read("between.pem")];
  const held = stack.move();
  return {
    root,
    async issue(name, { url, mustStaple = false, kind = "ec" } = {}) {
      const serial = await sign(
        name,
        "between",
        [
          `subjectAltName=DNS:${name}`,
          ...(url === undefined ? [] : [`authorityInfoAccess=OCSP;URI:${url}`]),
          ...(mustStaple ? ["tlsfeature=status_request"] : []),
        ].join("\n"),
        kind === "rsa" ? rsa : curve,
      );
      lines.set(serial, `V\t301231235959Z\t\t${serial}\tunknown\t/CN=${serial}`);
      await writeIndex();
      return {
        serial,
        chain: (await read(`${name}.pem`)) + between,
        key: await read(`${name}.key`),
      };
    },
    async revoke({ serial }) {
      lines.set(serial, `R\t301231235959Z\t250101000000Z\t${serial}\tunknown\t/CN=${serial}`);
      await writeIndex();
    },
    async answer(question, signer = "authority", more = ["-ndays", "4"]) {
      await writeFile(folder.file("question.der"), question);
      await openssl(
        ...["ocsp", ...asked, ...signedBy(signer === "authority" ? "between" : signer), ...more],
        ...["-reqin", "question.der", "-respout", "answer.der", "-ignore_err"],
      );
      return readFile(folder.file("answer.der"));
    },
    async responder(port, more = ["-ndays", "4"]) {
      const user = await daemonUser("root");
      const paths = ["index.txt", "between.pem", "between.key"].map((name) => folder.file(name));
      const [index = "", cert = "", key = ""] = paths;
      const daemon = user.start("openssl", [
        ...["ocsp", "-index", index, "-CA", cert, "-rsigner", cert, "-rkey", key],
        ...["-port", String(port), "-ignore_err", ...more],
      ]);
      await eventually("the responder to listen", () => {
        if (daemon.hasEnded()) throw new Error(daemon.log());
        return /ACCEPT|waiting for OCSP client/.test(daemon.log()) || undefined;
      });
      return daemon;
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
