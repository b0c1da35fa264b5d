// Hashes of passwords as htpasswd files have them: which kind one is, and whether a password fits. Checking costs
// milliseconds to a second: see `password-thread.ts`.

import { argon2Sync, createHash, timingSafeEqual } from "node:crypto";
import { apr1 } from "./md5-crypt.ts";
import { shaCrypt } from "./sha-crypt.ts";

/** What a hash may cost. */
export interface HashCost {
  readonly bcrypt: number;
  /** KiB */
  readonly argon2Memory: number;
  readonly argon2Passes: number;
  readonly argon2Lanes: number;
  readonly shaRounds: number;
}

const forms = {
  bcrypt: /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/,
  apr1: /^\$apr1\$([./A-Za-z0-9]{1,8})\$([./A-Za-z0-9]{22})$/,
  sha1: /^\{SHA\}([A-Za-z0-9+/]{27}=)$/,
  sha256: /^\$5\$(?:rounds=(\d{1,9})\$)?([^$:\s]{1,16})\$([./A-Za-z0-9]{43})$/,
  sha512: /^\$6\$(?:rounds=(\d{1,9})\$)?([^$:\s]{1,16})\$([./A-Za-z0-9]{86})$/,
  argon2id:
    /^\$argon2id\$v=19\$m=(\d{1,8}),t=(\d{1,5}),p=(\d{1,5})\$([A-Za-z0-9+/]{11,88})\$([A-Za-z0-9+/]{16,172})$/,
} as const;

const usualRounds = 5000;

/** What is wrong with it, for people: never with it in the text, as it may be a password. */
export function hashTrouble(hash: string, most: HashCost): string | undefined {
  const bcrypt = forms.bcrypt.exec(hash);
  if (bcrypt !== null) {
    const cost = Number(bcrypt[1]);
    return cost >= 4 && cost <= most.bcrypt
      ? undefined
      : `a bcrypt cost of ${cost}; 4 to ${most.bcrypt} is checked here`;
  }
  const argon2 = forms.argon2id.exec(hash);
  if (argon2 !== null) return argon2Trouble(argon2.slice(1, 4).map(Number), most);
  const rounds = (forms.sha256.exec(hash) ?? forms.sha512.exec(hash))?.[1];
  if (rounds !== undefined) {
    return Number(rounds) >= 1000 && Number(rounds) <= most.shaRounds
      ? undefined
      : `${rounds} rounds; 1000 to ${most.shaRounds} are checked here`;
  }
  const isKnown = Object.values(forms).some((form) => form.test(hash));
  return isKnown ? undefined : "no hash of a password that is known here";
}

function argon2Trouble(
  [memory = 0, passes = 0, lanes = 0]: readonly number[],
  most: HashCost,
): string | undefined {
  if (lanes < 1 || passes < 1 || memory < 8 * lanes) return "no argon2 that can be computed";
  const isCheap =
    memory <= most.argon2Memory && passes <= most.argon2Passes && lanes <= most.argon2Lanes;
  if (isCheap) return undefined;
  return `an argon2 of m=${memory},t=${passes},p=${lanes}; at most m=${most.argon2Memory},t=${most.argon2Passes},p=${most.argon2Lanes} is checked here`;
}

/** Whether the password is the one. A hash that is none fits nothing. */
export async function isPassword(password: string, hash: string): Promise<boolean> {
  const bytes = Buffer.from(password);
  if (forms.bcrypt.test(hash)) {
    const { compare } = await import("bcryptjs");
    return compare(password, hash);
  }
  const [, apr1Salt, apr1Hash] = forms.apr1.exec(hash) ?? [];
  if (apr1Salt !== undefined) return isSame(apr1(bytes, apr1Salt), apr1Hash);
  const [, sha1] = forms.sha1.exec(hash) ?? [];
  if (sha1 !== undefined) return isSame(createHash("sha1").update(bytes).digest("base64"), sha1);
  for (const kind of ["sha256", "sha512"] as const) {
    const [, rounds = usualRounds, salt, wanted] = forms[kind].exec(hash) ?? [];
    if (salt === undefined) continue;
    return isSame(shaCrypt(kind, bytes, { salt, rounds: Number(rounds) }), wanted);
  }
  return isArgon2(bytes, hash);
}

function isArgon2(message: Buffer, hash: string): boolean {
  const found = forms.argon2id.exec(hash);
  if (found === null) return false;
  const [, memory, passes, parallelism, salt = "", tag = ""] = found;
  const wanted = Buffer.from(tag, "base64");
  const made = argon2Sync("argon2id", {
    message,
    nonce: Buffer.from(salt, "base64"),
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    tagLength: wanted.length,
  });
  return timingSafeEqual(made, wanted);
}

function isSame(made: string, wanted: string | undefined): boolean {
  const [a, b] = [Buffer.from(made), Buffer.from(wanted ?? "")];
  return a.length === b.length && timingSafeEqual(a, b);
}
