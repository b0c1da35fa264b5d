// Guards: whoever comes back resumes its session, whichever worker takes the connection, with TLS 1.3 and with 1.2. Half of what
// comes goes to the other of two workers than the one that gave the ticket out.

import { once } from "node:events";
import { connect, type SecureVersion } from "node:tls";
import { within } from "../harness/deadline.ts";
import { startOrigin } from "../harness/origin.ts";
import { Stage } from "../harness/stage.ts";
import { type Running, start } from "../peers/peer.ts";
import { tidegateRouting } from "../peers/tidegate.ts";
import type { Workload } from "./workload.ts";

const connections = 400;
const leastShare = 0.95;
const versions: readonly SecureVersion[] = ["TLSv1.3", "TLSv1.2"];

export const sessions: Workload = {
  name: "sessions",
  claim: `over ${leastShare * 100} % of sessions are resumed by two workers`,
  limitMs: () => 120_000,
  async run({ say }) {
    await using stage = new Stage();
    const origin = await startOrigin(stage);
    const peer = tidegateRouting("tidegate", ["*"], { workers: 2, isSecure: true });
    const running = await start(peer, stage, origin);
    const shares: { version: SecureVersion; share: number }[] = [];
    for (const version of versions) {
      const share = await shareOf(running, version);
      say(`${version}: ${share}`);
      shares.push({ version, share });
    }
    return {
      columns: ["version", "connections", "resumed"],
      rows: shares.map(({ version, share }) => [
        version,
        String(connections),
        `${(share * 100).toFixed(1)} %`,
      ]),
      notes: shares.map(({ version, share }) => {
        const verdict = share > leastShare ? "held" : "MISSED";
        return `${verdict}: ${version}, ${share} resumed, over ${leastShare} claimed`;
      }),
      failures: [],
      data: shares,
    };
  },
};

async function shareOf({ port }: Running, version: SecureVersion): Promise<number> {
  let session: Buffer | undefined;
  let resumed = 0;
  for (let count = 0; count <= connections; count++) {
    const socket = connect({
      ...{ host: "127.0.0.1", port, servername: "bench.test", minVersion: version },
      ...{ maxVersion: version, session, rejectUnauthorized: false },
    });
    let latest: Buffer | undefined;
    socket.on("session", (each: Buffer) => {
      latest = each;
    });
    socket.once("secureConnect", () => {
      if (socket.isSessionReused()) resumed++;
    });
    socket.end("GET /small HTTP/1.1\r\nHost: bench.test\r\nConnection: close\r\n\r\n");
    socket.resume();
    await within(5000, "a connection", once(socket, "close"));
    session = latest ?? session;
  }
  return resumed / connections;
}
