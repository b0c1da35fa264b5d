import assert from "node:assert/strict";
import { test } from "node:test";
import { shownList, unshownList } from "./words.ts";

const users = ["a:$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC"];
const hidden = "(not shown)";

test("what lets somebody in is hidden in lists and mappings, and found again when it comes back", () => {
  const table: readonly (readonly [written: unknown, shown: unknown])[] = [
    [
      ["requestId", "a@file"],
      ["requestId", "a@file"],
    ],
    [
      [{ basicAuth: { users, realm: "x" } }, "requestId"],
      [{ basicAuth: { users: hidden, realm: "x" } }, "requestId"],
    ],
    [
      { basicAuth: { users }, compress: true },
      { basicAuth: { users: hidden }, compress: true },
    ],
    [{ unheardOf: { users } }, { unheardOf: { users } }],
    [
      [{ headers: { request: { set: { "X-Api-Key": "k", "X-Team": "a" } } } }],
      [{ headers: { request: { set: { "X-Api-Key": hidden, "X-Team": "a" } } } }],
    ],
    [
      { headers: { response: { add: { "Set-Cookie": "s=1" } } } },
      { headers: { response: { add: { "Set-Cookie": hidden } } } },
    ],
    ["text", "text"],
    [undefined, undefined],
  ];
  for (const [written, shown] of table) {
    assert.deepEqual(shownList(written), shown);
    assert.deepEqual(unshownList(written, shown), written);
  }
});

test("what comes back changed is as it comes, with what was hidden", () => {
  const before = [{ basicAuth: { users } }, { basicAuth: { users: ["b:other"] } }];
  const after = [{ addPrefix: "/x" }, { basicAuth: { users: hidden, realm: "new" } }];
  assert.deepEqual(unshownList(before, after), [
    { addPrefix: "/x" },
    { basicAuth: { users, realm: "new" } },
  ]);
  // Where there was nothing it stays what it is, and is refused as no list of users.
  assert.deepEqual(unshownList(["requestId"], [{ basicAuth: { users: hidden } }]), [
    { basicAuth: { users: hidden } },
  ]);
  assert.deepEqual(unshownList(before, [{ basicAuth: { users: ["c:new"] } }]), [
    { basicAuth: { users: ["c:new"] } },
  ]);
});
