import assert from "node:assert/strict";
import { test } from "node:test";
import type { TrafficEntry } from "../traffic/entry.ts";
import { lineOf } from "./logs-traffic.ts";

const entry: TrafficEntry = {
  ...{ time: Date.parse("2026-11-22T12:00:00"), id: "", listener: "web", client: "10.0.0.1" },
  ...{
    method: "GET",
    scheme: "https",
    protocol: "HTTP/2.0",
    host: "a.test",
    target: "/x?y",
    route: "a@docker",
  },
  ...{ service: "a", backend: "http://10.0.0.2:80", status: 200, failure: "", requestBytes: 0 },
  ...{ bytes: 2048, duration: 12.34, backendTime: 11, attempts: 1, userAgent: "" },
};

test("a request is one line, and obeys nobody who chose a name in it", () => {
  assert.equal(
    lineOf(entry),
    "12:00:00  200  GET   https://a.test/x?y  12 ms  2.0 KiB  a@docker → http://10.0.0.2:80  10.0.0.1",
  );
  const failed = {
    ...entry,
    status: 404,
    failure: "NO_ROUTE",
    route: "",
    backend: "",
    host: "\x1b[2J",
  };
  assert.equal(
    lineOf(failed),
    String.raw`12:00:00  404 NO_ROUTE  GET   https://\x1b[2J/x?y  12 ms  2.0 KiB  10.0.0.1`,
  );
});
