// Files as a .tar.gz, as any `tar xzf` takes it (POSIX.1-1988, ustar).

import { gzipSync } from "node:zlib";

export interface ArchivedFile {
  /** At most 100 bytes of ASCII. */
  readonly path: string;
  readonly text: string;
}

const block = 512;

/** @param at of all of them, ms since 1970 */
export function archiveOf(files: readonly ArchivedFile[], at: number): Buffer {
  const parts = files.flatMap(({ path, text }) => {
    const body = Buffer.from(text);
    const padding = Buffer.alloc((block - (body.length % block)) % block);
    return [headerOf(path, body.length, at), body, padding];
  });
  return gzipSync(Buffer.concat([...parts, Buffer.alloc(2 * block)]));
}

function headerOf(path: string, size: number, at: number): Buffer {
  const header = Buffer.alloc(block);
  const octal = (value: number, length: number) =>
    `${value.toString(8).padStart(length - 1, "0")}\0`;
  header.write(path, 0, 100, "latin1");
  // Nobody but who takes it out needs to read it.
  header.write(octal(0o600, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(size, 12), 124);
  header.write(octal(Math.floor(at / 1000), 12), 136);
  header.write(" ".repeat(8), 148);
  header.write("0", 156);
  header.write("ustar\u000000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}
