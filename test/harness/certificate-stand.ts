// The real program with TLS and certificates from a source of a test: what clients are shown, and what operators see.

import type { CertificateRow } from "../../src/admin/operations.ts";
import { eventually } from "./barrier.ts";
import { askControl } from "../../src/admin/control-client.ts";
import { readCertificates } from "../../src/admin/certificates-answer.ts";
import { type Issued, issuer } from "./issued.ts";
import { startTidegate, type Tidegate } from "./tidegate.ts";
import { askTls } from "./tls-asker.ts";

export interface CertificateStand extends AsyncDisposable {
  readonly program: Tidegate;
  /** Every worker shows a certificate of these names for the host; "" = one that nobody signed. */
  shows(host: string, names: string): Promise<void>;
  rows(): Promise<readonly CertificateRow[]>;
  /** The row of a source, once it is there and fits. */
  row(source: string, fits: (row: CertificateRow) => boolean): Promise<CertificateRow>;
}

const patienceMs = 15_000;

/** @param hosts that are routed */
export async function certificateStand(
  hosts: readonly string[],
  providers: Readonly<Record<string, unknown>>,
): Promise<CertificateStand> {
  const program = await startTidegate({
    workers: 2,
    config: {
      listeners: { secure: { bind: "127.0.0.1:0", tls: true } },
      routes: Object.fromEntries(hosts.map((host) => [host, { whoami: true }])),
      admin: false,
      providers,
    },
  });
  return standOf(program);
}

export function standOf(program: Tidegate): CertificateStand {
  const rows = async () => {
    const answer = await askControl(program.control, { route: "/v1/certificates" });
    const found = answer.kind === "answer" ? readCertificates(answer.body) : undefined;
    if (found === undefined) throw new Error(`no certificates: ${JSON.stringify(answer)}`);
    return found;
  };
  return {
    program,
    rows,
    async shows(host, names) {
      let last = "nothing";
      const look = async () => {
        // Of several connections, so that each worker is asked.
        const asked = Array.from({ length: 6 }, () => askTls(program.port("secure"), host));
        const all = await Promise.all(asked);
        last = [...new Set(all.map((each) => (each.isTrusted ? each.names : "")))].join(" or ");
        return last === names || undefined;
      };
      await eventually(`${names} for ${host}`, look, patienceMs).catch((error: unknown) => {
        throw new Error(`${String(error)}; last shown: ${JSON.stringify(last)}`, { cause: error });
      });
    },
    row: (source, fits) =>
      eventually(
        `the row of ${source}`,
        async () => (await rows()).find((each) => each.source === source && fits(each)),
        patienceMs,
      ),
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

/** As it is written into a database. */
export function pairText({ cert, key }: Issued): string {
  return JSON.stringify({ cert: cert + issuer, key });
}
