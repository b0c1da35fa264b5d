// Children that could be started. Where no more files can be opened Node hands out one without its pipes, and tells of it by an error
// that ends the program when nobody listens yet.

interface Started {
  /** undefined = there are no pipes, whatever the types say. */
  readonly stdio: unknown;
  once(event: "error", listener: () => void): unknown;
}

/** @param who is named when it has no pipes, which is thrown */
export function whole<T extends Started>(who: string, child: T): T {
  if (child.stdio !== undefined) return child;
  child.once("error", () => {}); // said by what is thrown
  throw new Error(
    `${who} cannot be started: too many files are open; raise the limit (LimitNOFILE)`,
  );
}
