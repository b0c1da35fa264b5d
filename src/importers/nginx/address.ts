// Pieces of addresses as nginx writes them.

/** Path of a socket; undefined = it is none. */
export function socketOf(address: string): string | undefined {
  const [, path] = /^unix:(\/[^:\s]+)$/.exec(address) ?? [];
  return path;
}

export function hasOwnPort(address: string): boolean {
  return /:\d+$/.test(address.replace(/^\[[^\]]*\]/, ""));
}
