// Who looks after a key: the one whose number and the key together give the highest mark. All who see the same workers
// agree without asking, and when one comes or goes only its own keys move.

/** @returns the number of the owner; undefined = there is nobody */
export function ownerAmong(numbers: readonly number[], key: string): number | undefined {
  const hashed = hashOf(key);
  let owner: number | undefined;
  let highest = -1;
  for (const number of numbers) {
    const mark = mixed(hashed ^ Math.imul(number + 1, 0x9e3779b1));
    if (mark <= highest) continue;
    highest = mark;
    owner = number;
  }
  return owner;
}

/** FNV-1a. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  return hash;
}

/** The end of MurmurHash3: each bit of what goes in changes half of those that come out. */
function mixed(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
