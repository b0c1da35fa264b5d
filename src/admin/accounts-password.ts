// Passwords as argon2id hashes, in the notation of PHC strings, so that parameters may change and old hashes
// stay good. Hashing takes its time and memory, so only a few are at it at once, and few may wait.

import { argon2, randomBytes, randomInt, timingSafeEqual } from "node:crypto";
import { passwordHash as usual } from "../config/admin-limits.ts";

/** So many wait already that one more would wait too long. */
export class TooBusy extends Error {}

interface Cost {
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
}

const usualCost: Cost = {
  memory: usual.memoryKib,
  passes: usual.passes,
  parallelism: usual.parallelism,
};

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(usual.saltBytes);
  const tag = await tagOf(password, salt, usualCost, usual.tagBytes);
  const { memory, passes, parallelism } = usualCost;
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${base64(salt)}$${base64(tag)}`;
}

/** Nobody's: comparing with it takes as long as comparing with somebody's. */
const nobodys = `$argon2id$v=19$m=${usualCost.memory},t=${usualCost.passes},p=${usualCost.parallelism}$${base64(Buffer.alloc(usual.saltBytes))}$${base64(Buffer.alloc(usual.tagBytes))}`;

/** @param hash undefined = there is no such user; takes as long, and is false */
export async function isPassword(password: string, hash: string | undefined): Promise<boolean> {
  const form = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$([\w+/-]+)\$([\w+/-]+)$/;
  const [, memory, passes, parallelism, salt = "", tag = ""] = form.exec(hash ?? nobodys) ?? [];
  if (memory === undefined) return false;
  const cost = {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
  };
  const wanted = Buffer.from(tag, "base64");
  const found = await tagOf(password, Buffer.from(salt, "base64"), cost, wanted.length);
  return timingSafeEqual(found, wanted) && hash !== undefined;
}

/** 100 bits, in letters that nobody takes for others. */
export function randomPassword(): string {
  const letters = "abcdefghijkmnpqrstuvwxyz23456789";
  const group = () => Array.from({ length: 5 }, () => letters[randomInt(letters.length)]).join("");
  return [group(), group(), group(), group()].join("-");
}

let running = 0;
const waiting: (() => void)[] = [];

async function tagOf(
  password: string,
  nonce: Buffer,
  cost: Cost,
  tagLength: number,
): Promise<Buffer> {
  if (waiting.length >= usual.waiting) throw new TooBusy("too many logins at once");
  if (running >= usual.atOnce) await new Promise<void>((resolve) => waiting.push(resolve));
  else running += 1;
  try {
    return await new Promise((resolve, reject) => {
      const message = Buffer.from(password.normalize("NFC"));
      argon2("argon2id", { message, nonce, tagLength, ...cost }, (error, tag) =>
        error === null ? resolve(tag) : reject(error),
      );
    });
  } finally {
    // Whoever waits takes the place over, so nobody comes between.
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }
}

function base64(bytes: Buffer): string {
  return bytes.toString("base64").replaceAll("=", "");
}
