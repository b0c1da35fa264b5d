// A document in a file: read when it is first wanted, and again whenever something in its folder changed.

import { constants } from "node:fs";
import { open, realpath } from "node:fs/promises";
import { dirname } from "node:path";
import { documentLimits as limits } from "../config/document-limits.ts";
import type { FileWish } from "../config/documents.ts";
import { ownFault } from "../own/check.ts";
import { FolderHints } from "../lib/folder-hints.ts";
import { formatSize } from "../lib/size.ts";
import { DocumentState, type KeptDocument } from "./document-state.ts";

export class FileDocument implements KeptDocument {
  readonly state: DocumentState;
  readonly #wish: FileWish;
  readonly #path: string;
  readonly #stopping = new AbortController();
  readonly #hints = new FolderHints(this.#stopping.signal, limits.settle);
  #isRunning = false;
  /** Those who wait for a reading that begins from now on. */
  #asked: (() => void)[] = [];

  constructor(wish: FileWish, onChange: () => void) {
    this.#wish = wish;
    this.#path = wish.path;
    this.state = new DocumentState(wish, onChange);
  }

  refresh(): Promise<void> {
    if (this.#stopping.signal.aborted) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#asked.push(resolve);
    this.#hints.raise();
    if (!this.#isRunning) void this.#run();
    return promise;
  }

  forget(): void {}

  adjust(): void {}

  async #run(): Promise<void> {
    this.#isRunning = true;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#hints.clear();
      const asked = this.#asked.splice(0);
      // Watched before it is read: what changes from now on raises a hint.
      this.#hints.watch(await foldersOf(this.#path));
      await this.#read();
      for (const tell of asked) tell();
      await this.#hints.next(limits.poll);
    }
    for (const tell of this.#asked.splice(0)) tell();
  }

  async #read(): Promise<void> {
    try {
      const text = await boundedText(this.#path);
      const { form, settings, isThreaded = false } = this.#wish;
      const question = { path: this.#path, text, settings, isThreaded };
      const fault = form === "module" ? await ownFault(question) : "";
      if (fault !== "") throw new Error(fault);
      if (!this.#stopping.signal.aborted) this.state.take(text);
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.state.fail(reasonOf(error));
    }
  }

  [Symbol.dispose](): void {
    this.#stopping.abort();
    this.#hints[Symbol.dispose]();
  }
}

/** Its own, and that of what it leads to. */
async function foldersOf(path: string): Promise<Set<string>> {
  const folders = new Set([dirname(path)]);
  try {
    folders.add(dirname(await realpath(path)));
  } catch {
    // It is not there now.
  }
  return folders;
}

/** Throws when it is no file, or a large one. */
async function boundedText(path: string): Promise<string> {
  // A pipe that nobody writes to would be waited for.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const found = await file.stat();
  if (!found.isFile()) throw new Error("is not a file");
  const { size } = found;
  if (size > limits.bytes) throw new Error(`is larger than ${formatSize(limits.bytes)}`);
  // One more than there should be shows whether it grew.
  const bytes = Buffer.alloc(size + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length);
    length += bytesRead;
    if (bytesRead === 0 || length === bytes.length) break;
  }
  // Whoever writes it is not at its end.
  if (length > size) throw new Error("is being written to");
  return bytes.toString("utf8", 0, length);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ("code" in error && error.code === "ENOENT") return "is not there";
  if ("code" in error && error.code === "EACCES") {
    return `may not be read by user ${process.getuid?.() ?? "?"}`;
  }
  return "code" in error ? `cannot be read: ${error.message}` : error.message;
}
