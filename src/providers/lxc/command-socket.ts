// The abstract unix socket on which a running container takes commands. That it is there is how anybody can
// tell, without rights and without asking, that the container runs.

/** How all of their names end. */
export const commandSocketEnd = "/command";

// A socket's name has 107 bytes after the zero in front, of which LXC leaves two. What does not fit it calls by
// a hash, FNV-1a of 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/
const longest = 105;

/** As LXC names it, without the zero (which /proc/net/unix shows as @). */
export function commandSocketOf(folder: string, container: string): string {
  const plain = `${folder}/${container}`;
  if (Buffer.byteLength(plain + commandSocketEnd) <= longest) return plain + commandSocketEnd;
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(plain)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return `lxc/${hash.toString(16).padStart(16, "0")}${commandSocketEnd}`;
}
