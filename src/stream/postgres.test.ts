import { deepStrictEqual, strictEqual } from "node:assert";
import { test } from "node:test";
import { errorResponse, readPostgresOpening, sslRequest } from "./postgres.ts";

function message(length: number, code: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32BE(length, 0);
  bytes.writeUInt32BE(code, 4);
  return bytes;
}

for (const [name, length, code, wanted] of [
  ["a request for TLS", 8, 80877103, "ssl-request"],
  ["a request for GSSAPI", 8, 80877104, "gss-request"],
  ["a request to cancel", 16, 80877102, "session"],
  ["a request to cancel with a long key", 268, 80877102, "session"],
  ["a startup packet of version 3.0", 84, 3 << 16, "session"],
  ["a startup packet of version 3.2", 84, (3 << 16) | 2, "session"],
  ["a startup packet that is too long", 10_001, 3 << 16, "other"],
  ["a startup packet of version 2", 296, 2 << 16, "other"],
  ["a request for TLS with something in it", 12, 80877103, "other"],
] as const) {
  test(`${name} is told from others, and not before it is there`, () => {
    const bytes = message(length, code);
    strictEqual(readPostgresOpening(bytes), wanted);
    strictEqual(readPostgresOpening(Buffer.concat([bytes, Buffer.from("more")])), wanted);
    for (let end = 0; end < 8; end++)
      strictEqual(readPostgresOpening(bytes.subarray(0, end)), "more");
  });
}

test("what does not begin with zeros is something else at once", () => {
  strictEqual(readPostgresOpening(Buffer.from("G")), "other");
  strictEqual(readPostgresOpening(Buffer.of(0, 1)), "other");
});

test("our own request is one", () => {
  strictEqual(readPostgresOpening(sslRequest), "ssl-request");
});

test("an error is written as PostgreSQL's are", () => {
  const bytes = errorResponse("08006", "no");
  strictEqual(bytes.toString("latin1", 0, 1), "E");
  strictEqual(bytes.readUInt32BE(1), bytes.length - 1);
  const fields = bytes.toString("latin1", 5).split("\0");
  deepStrictEqual(fields, ["SFATAL", "VFATAL", "C08006", "Mno", "", ""]);
});
