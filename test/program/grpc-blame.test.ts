// What comes of gRPC calls counts as what it is, though all of them are answered 200: in metrics, and where backends are judged.
// And what only looks like a call gets no more time than anybody.

import assert from "node:assert/strict";
import { type IncomingHttpHeaders, request } from "node:http";
import { test } from "node:test";
import { eventually } from "../harness/barrier.ts";
import { GrpcClient, grpcServer } from "../harness/grpc.ts";
import { httpOrigin } from "../harness/origin.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 60_000 };

/** Calls and requests of a route that were counted, by the hundreds of a status. */
async function countsOf(
  program: Tidegate,
  route: string,
): Promise<Readonly<Record<string, number>>> {
  const answer = await fetch(`http://127.0.0.1:${program.port("metrics")}/metrics`);
  const rows = (await answer.text()).matchAll(
    /^tidegate_requests_total\{route="(.*?)",code="(.*?)"\} (\d+)$/gm,
  );
  return Object.fromEntries(
    [...rows].filter(([, name]) => name === route).map(([, , code = "", n]) => [code, Number(n)]),
  );
}

test(
  "a backend that says it is unavailable is judged by that, and metrics know",
  bounded,
  async () => {
    await using server = await grpcServer();
    const backends = [`h2c://127.0.0.1:${server.port}`];
    const passive = { failures: 1, deadFor: "20s", statuses: [500, 503] };
    const judged = { backends, passive, whenAllDown: "refuse" };
    const routes = {
      "a.test": { service: judged },
      "shut.test": { service: judged, middlewares: [{ ipRules: { allow: ["192.0.2.0/24"] } }] },
    };
    await using program = await startTidegate({
      config: {
        listeners: { web: { bind: "127.0.0.1:0", h2c: true } },
        metrics: { bind: "127.0.0.1:0" },
        routes,
      },
    });
    using client = new GrpcClient(program.port(), "a.test");
    const codes: number[] = [];
    // A client can bring about any of them but the last.
    for (const wanted of ["0", "13", "2", "12", "13", "14"]) {
      codes.push((await client.unary("Fail", wanted).over).status.code);
    }
    assert.deepEqual(codes, [0, 13, 2, 12, 13, 14]);
    const { status } = await client.unary("Echo", "x").over;
    assert.match(status.details, /^NO_BACKEND/);
    using shut = new GrpcClient(program.port(), "shut.test");
    assert.equal((await shut.unary("Echo", "x").over).status.code, 7);
    const counted = (route: string, wanted: Readonly<Record<string, number>>) =>
      eventually(`the counts of ${route}`, async () => {
        const found = await countsOf(program, route);
        return JSON.stringify(found) === JSON.stringify(wanted) || undefined;
      });
    await counted("a.test", { "2xx": 1, "4xx": 1, "5xx": 5 });
    await counted("shut.test", { "4xx": 1 });
  },
);

test(
  "what says it is a call to a site that takes none has no more time for that",
  bounded,
  async () => {
    await using origin = await httpOrigin(() => {});
    await using program = await startTidegate({
      config: {
        listeners: { web: "127.0.0.1:0" },
        routes: { "a.test": origin.url },
        timeouts: { response: "300ms", body: "300ms" },
      },
    });
    const call = (length: number) =>
      new Promise<IncomingHttpHeaders>((resolve, reject) => {
        const headers = {
          ...{ Host: "a.test", "Content-Type": "application/grpc", "Content-Length": length },
          "grpc-timeout": "1H",
        };
        const sent = request({ port: program.port(), method: "POST", headers });
        sent.on("response", (answer) => resolve(answer.resume().headers));
        sent.on("error", reject);
        sent.write("x");
        if (length === 1) sent.end();
      });
    const statusOf = ({ "grpc-status": status, "grpc-message": message }: IncomingHttpHeaders) =>
      `${String(status)} ${String(message).split(":")[0]}`;
    assert.equal(statusOf(await call(1)), "4 RESPONSE_TIMEOUT");
    assert.equal(statusOf(await call(10)), "4 BODY_TIMEOUT");
  },
);
