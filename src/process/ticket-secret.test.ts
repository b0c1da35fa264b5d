import assert from "node:assert/strict";
import { test } from "node:test";
import { tlsLimits } from "../config/tls-limits.ts";
import type { TicketNote } from "./messages.ts";
import { TicketSecret } from "./ticket-secret.ts";

function sample() {
  const notes: TicketNote[] = [];
  let renewed = 0;
  const secret = new TicketSecret({
    onNew: (note) => notes.push(note),
    onRenewed: () => renewed++,
  });
  return { secret, notes, renewals: () => renewed };
}

test("it is made when first asked for, and another one after a day", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_795_000_000_000 });
  const { secret, notes, renewals } = sample();
  using _ = secret;
  assert.deepEqual(notes, []);
  const { value } = secret;
  assert.match(value, /^[0-9a-f]{64}$/);
  assert.equal(secret.value, value);
  assert.deepEqual([notes.length, renewals()], [1, 0]);
  t.mock.timers.tick(tlsLimits.sessionLife - 1);
  assert.equal(secret.value, value);
  t.mock.timers.tick(1);
  assert.notEqual(secret.value, value);
  assert.deepEqual([notes.length, renewals()], [2, 1]);
});

test("the one of the primary before is gone on with for the rest of its day, unless it is too old", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_795_000_000_000 });
  const half = tlsLimits.sessionLife / 2;
  const { secret, notes } = sample();
  using _ = secret;
  secret.inherit({ secret: "ab", madeAt: Date.now() - half });
  assert.equal(secret.value, "ab");
  assert.deepEqual(notes, [], "whoever gave it knows it");
  t.mock.timers.tick(half);
  assert.notEqual(secret.value, "ab");

  using old = sample().secret;
  old.inherit({ secret: "ab", madeAt: Date.now() - tlsLimits.sessionLife });
  assert.notEqual(old.value, "ab");

  // The clock was set back meanwhile.
  using future = sample().secret;
  future.inherit({ secret: "ab", madeAt: Date.now() + 10 * tlsLimits.sessionLife });
  t.mock.timers.tick(tlsLimits.sessionLife);
  assert.notEqual(future.value, "ab");
});
