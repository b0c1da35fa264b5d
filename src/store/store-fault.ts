// Why the store cannot be used, or could not be written: one sentence for operators, with what to do.

export class StoreFault extends Error {}

/** The disk or somebody else is in the way; the file itself has no fault that is known. */
export class Unwritable extends StoreFault {}

export function causeOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
