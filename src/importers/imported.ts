// What an importer makes of another program's configuration. Importers are plain functions from files to this:
// `src/cli/import.ts` prints it.

/** What an importer made of a file. */
export interface Imported {
  /** As `tidegate.yaml` says it. */
  readonly config: Readonly<Record<string, unknown>>;
  /** What is not there, or not as it was; sentences. */
  readonly notes: readonly string[];
  /** What could be there later, as lines of YAML, to be commented out. */
  readonly later: readonly string[];
}

/** Throws, or rejects with, `NotImported` when nothing can be made of the file. */
export type Importer = (file: string) => Imported | Promise<Imported>;

/** Its message is for people, and all they need. */
export class NotImported extends Error {
  override readonly name = "NotImported";
}
