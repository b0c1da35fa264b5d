// The bytes of a request body that may have to be sent again, or could not be sent yet. Small pieces share
// pages, so that a body sent byte by byte does not cost a hundred times its size.

const pageBytes = 4 * 1024;
/** Of the first page: most bodies of calls and forms are smaller, and Node has so few bytes at hand. */
const firstPageBytes = 512;

export class KeptBody {
  readonly #pages: Buffer[] = [];
  /** Bytes used of the last page. */
  #used = 0;
  /** Bytes kept in all. */
  bytes = 0;

  add(buffer: Buffer, start: number, end: number): void {
    this.bytes += end - start;
    const last = this.#pages.at(-1);
    if (last !== undefined && end - start <= last.length - this.#used) {
      this.#used += buffer.copy(last, this.#used, start, end);
      return;
    }
    this.#seal();
    const size = end - start;
    const isSmall = this.#pages.length === 0 && size <= firstPageBytes;
    const page = isSmall
      ? Buffer.allocUnsafe(firstPageBytes)
      : Buffer.allocUnsafeSlow(Math.max(pageBytes, size));
    this.#used = buffer.copy(page, 0, start, end);
    this.#pages.push(page);
  }

  forEach(use: (page: Buffer, length: number) => void): void {
    this.#seal();
    for (const page of this.#pages) use(page, page.length);
  }

  clear(): void {
    this.#pages.length = 0;
    this.#used = 0;
    this.bytes = 0;
  }

  /** Cuts the last page to what is used of it. */
  #seal(): void {
    const last = this.#pages.pop();
    if (last === undefined) return;
    this.#pages.push(last.subarray(0, this.#used));
  }
}
