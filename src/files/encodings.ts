// Files that stand compressed beside the plain one: `app.js.br` is what a client gets that takes Brotli. The plain file has to
// be there too: it is what everybody else gets, and its name says what it is.

import type { Precompressed } from "../config/files.ts";

export const endingOf: Readonly<Record<Precompressed, string>> = {
  br: ".br",
  zstd: ".zst",
  gzip: ".gz",
};
