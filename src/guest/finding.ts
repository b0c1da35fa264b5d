// What came of looking for a path in a container (or on this machine): the contract between who walks and who asks.

/** What is there. Whoever is given something open closes it, once. */
export type Found =
  | { readonly kind: "file"; readonly file: OpenFile }
  | { readonly kind: "folder"; readonly realPath: string }
  | NotFound;

export type NotFound =
  /** Nothing of that name, something on the way is no folder, links go round in a circle, or no file can be called so. */
  | { readonly kind: "nothing" }
  /** A device, a FIFO, a socket, what the kernel shows of itself, or nothing that we may read. @property why a sentence for operators */
  | { readonly kind: "refused"; readonly why: string }
  /** The container cannot be reached. */
  | { readonly kind: "away"; readonly why: string }
  /** Its file system does not answer, or too many wait for it. */
  | { readonly kind: "late" }
  | { readonly kind: "failed"; readonly why: string };

export interface OpenFile {
  /** Open for reading; a regular file, not larger than a number can say exactly. */
  readonly fd: number;
  readonly size: number;
  /** Milliseconds since 1970, with a fraction as far as the file system tells it. */
  readonly modifiedAt: number;
  /** The same of its last change of any kind (st_ctime), which nobody can set: also of one that left `modifiedAt` as it was. */
  readonly changedAt: number;
  /** Says whether it is the same file as another time. */
  readonly device: bigint;
  readonly inode: bigint;
  /** Where it turned out to be when all links were followed, in the terms of whose path it is. */
  readonly realPath: string;
  /** Never rejects. */
  close(): void;
}

export interface ListedEntry {
  readonly name: string;
  readonly kind: "file" | "folder";
  /** Bytes; 0 for folders. */
  readonly size: number;
  readonly modifiedAt: number;
}

export type Listed =
  /** @property realPath of the folder, as of a file @property isCut there were more than may be listed */
  | {
      readonly kind: "list";
      readonly realPath: string;
      readonly entries: readonly ListedEntry[];
      readonly isCut: boolean;
    }
  | NotFound;

/** A unix socket that was found, held so that it stays the one that was looked at. */
export type FoundSocket =
  /** @property path what to connect to, until it is released */
  { readonly kind: "socket"; readonly path: string; release(): void } | NotFound;

/** Whose paths are looked up: a container, or this machine. Nothing here rejects. */
export interface Premises {
  /** Opens a regular file, or says that there is a folder. @param path absolute, percent-decoded, in its own terms, as Unix bytes in latin1 */
  find(path: string): Promise<Found>;
  /** What is in a folder. Entries that nobody could open are left out. */
  list(path: string): Promise<Listed>;
  socket(path: string): Promise<FoundSocket>;
}
