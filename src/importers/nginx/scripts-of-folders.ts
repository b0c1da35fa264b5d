// `location ~ /uploads/.*\.php$ { deny all; }`: what keeps scripts of a folder from being run has to keep its index as well.

import { endingsOf } from "./locate.ts";

/** The folders that such a pattern is about, as a pattern; undefined = that cannot be told. */
export function foldersOf(text: string): string | undefined {
  const [, before] = /^(.*\/)\.\*\\\.(?:\((?:\?:)?[\w|?]+\)|\w+)\$?$/.exec(text) ?? [];
  return before === undefined || endingsOf(text).length === 0 ? undefined : `${before}(.*/)?$`;
}
