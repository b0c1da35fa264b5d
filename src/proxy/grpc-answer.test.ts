import assert from "node:assert/strict";
import { test } from "node:test";
import { exchangeOf } from "../../test/harness/middleware-trial.ts";
import { answerForCall } from "./grpc-answer.ts";

function answered(status: number, contentType: string, method = "POST") {
  const lines = `Content-Type: ${contentType}\r\n`;
  const exchange = exchangeOf("/a.B/C", { method, lines });
  const fields = [["Content-Type", "text/html"]] as const;
  const answer = answerForCall(exchange, { status, fields, body: "<p>" });
  return { ...answer, grpcStatus: exchange.grpcStatus };
}

test("what is refused is a status to a call, in its form", () => {
  const { status, fields, body, grpcStatus } = answered(403, "application/grpc+proto");
  assert.deepEqual([status, body, grpcStatus], [200, "", 7]);
  assert.deepEqual(fields[0], ["Content-Type", "application/grpc+proto"]);
  const web = answered(403, "application/grpc-web");
  assert.match(web.body, /^\x80.{4}grpc-status: 7\r\n/s);
});

test("nothing but a POST is a call: to a cache the answer would be a good one", () => {
  for (const method of ["GET", "HEAD", "PUT"]) {
    const { status, grpcStatus } = answered(404, "application/grpc", method);
    assert.deepEqual([status, grpcStatus], [404, -1]);
  }
});

test("a browser that asked on the wrong connection is told so, and asks again", () => {
  assert.equal(answered(421, "application/grpc-web").status, 421);
  assert.equal(answered(421, "application/grpc-web-text").status, 421);
  assert.equal(answered(421, "application/grpc").grpcStatus, 14);
});
