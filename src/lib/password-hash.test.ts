import assert from "node:assert/strict";
import { argon2Sync } from "node:crypto";
import { test } from "node:test";
import { hashCost } from "../config/auth-limits.ts";
import { runCommand } from "../../test/harness/command.ts";
import { needs } from "../../test/harness/needs.ts";
import { hashTrouble, isPassword } from "./password-hash.ts";

// Of specifications, and of programs that have nothing of ours.
const known = [
  ["myPassword", "$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/"],
  ["myPassword", "{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE="],
  ["myPassword", "$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC"],
  [
    "Hello world!",
    "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
  ],
] as const;

test("a password fits its hash, and no other does", async () => {
  for (const [password, hash] of known) {
    assert.equal(hashTrouble(hash, hashCost), undefined, hash);
    assert.equal(await isPassword(password, hash), true, hash);
    for (const wrong of [`${password} `, password.slice(1), "", password.toLowerCase()]) {
      assert.equal(await isPassword(wrong, hash), false, `${wrong} ${hash}`);
    }
  }
});

test("argon2id is computed as its text says", async () => {
  const salt = Buffer.from("0123456789abcdef");
  const cost = { memory: 1024, passes: 2, parallelism: 2 };
  const tag = argon2Sync("argon2id", { message: "sëcret", nonce: salt, tagLength: 32, ...cost });
  const base64 = (bytes: Buffer) => bytes.toString("base64").replaceAll("=", "");
  const hash = `$argon2id$v=19$m=1024,t=2,p=2$${base64(salt)}$${base64(tag)}`;
  assert.equal(hashTrouble(hash, hashCost), undefined);
  assert.equal(await isPassword("sëcret", hash), true);
  assert.equal(await isPassword("secret", hash), false);
});

const passwords = ["secret", "a", "äöü ß €", "x".repeat(64), "with:colon", "$1$"];

test("what htpasswd makes is understood", { skip: needs("htpasswd") }, async () => {
  for (const kind of ["-m", "-s", "-B", "-2", "-5"]) {
    for (const password of passwords) {
      const made = await runCommand("htpasswd", ["-n", "-i", kind, "user"], { input: password });
      // An older one does not know -2 and -5.
      if (made.code !== 0) continue;
      const hash = made.stdout.trim().slice("user:".length);
      assert.equal(hashTrouble(hash, hashCost), undefined, hash);
      assert.equal(await isPassword(password, hash), true, `${password} ${hash}`);
      assert.equal(await isPassword(`${password}x`, hash), false, `${password}x ${hash}`);
    }
  }
});

test("what would take too long, or is none, is told, and never repeated", async () => {
  const argon2 = (cost: string) =>
    `$argon2id$v=19$${cost}$MDEyMzQ1Njc4OWFiY2RlZg$${"A".repeat(43)}`;
  const refused: readonly (readonly [hash: string, why: RegExp])[] = [
    [`$2y$15$${"x".repeat(53)}`, /cost of 15; 4 to 14/],
    [`$2y$03$${"x".repeat(53)}`, /cost of 3/],
    [`$6$rounds=999999999$salt$${"x".repeat(86)}`, /999999999 rounds/],
    [argon2("m=4194304,t=3,p=4"), /m=4194304/],
    [argon2("m=65536,t=9999,p=1"), /t=9999/],
    [argon2("m=8,t=1,p=4"), /no argon2 that can be computed/],
    ["swordfish", /no hash/],
    ["", /no hash/],
    ["$1$salt$abcdefghijklmnopqrstuv", /no hash/],
    ["x8H1fKd5TzqXY", /no hash/],
  ];
  for (const [hash, why] of refused) {
    const trouble = hashTrouble(hash, hashCost) ?? "";
    assert.match(trouble, why, hash);
    assert.ok(!trouble.includes("swordfish"));
  }
  for (const hash of ["swordfish", "", "$1$salt$abcdefghijklmnopqrstuv", "x8H1fKd5TzqXY"]) {
    assert.equal(await isPassword(hash, hash), false);
  }
});
