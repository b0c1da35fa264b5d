// `tidegate import PROGRAM FILE`: prints another program's configuration as one of ours, ready to be used, and
// says what could not be carried over: on stderr, and in the file itself. Each program is a file beside this one.

import { readConfig } from "../config/read.ts";
import { writeYaml } from "../config/write-yaml.ts";
import { plainLines } from "./plain.ts";

/** What an importer made of a file. */
export interface Imported {
  /** As `tidegate.yaml` says it. */
  readonly config: Readonly<Record<string, unknown>>;
  /** What is not there, or not as it was; sentences. */
  readonly notes: readonly string[];
  /** What could be there later, as lines of YAML, to be commented out. */
  readonly later: readonly string[];
}

/** Rejects with `NotImported` when nothing can be made of the file. */
export type Importer = (file: string) => Promise<Imported>;

/** Its message is for people, and all they need. */
export class NotImported extends Error {
  override readonly name = "NotImported";
}

export interface ImportOptions {
  /** As people know it. */
  readonly program: string;
  readonly importer: Importer;
}

/** Returns the exit code. */
export async function importConfig(file: string, options: ImportOptions): Promise<number> {
  const { program, importer } = options;
  let imported: Imported;
  try {
    imported = await importer(file);
  } catch (error) {
    if (!(error instanceof NotImported)) throw error;
    process.stderr.write(`tidegate: ${plainLines(error.message)}\n`);
    return 1;
  }
  const { config, later } = imported;
  const notes = [...imported.notes, ...doubts(config)];
  const text = writeYaml({
    before: [`Made of the configuration of ${program} by \`tidegate import\`.`, ...lines(notes)],
    value: config,
    after: later,
  });
  process.stdout.write(text);
  for (const note of notes) process.stderr.write(`${plainLines(note)}\n`);
  return 0;
}

function lines(notes: readonly string[]): string[] {
  if (notes.length === 0) return [];
  return ["", "Not carried over, or not as it was:", ...notes.map((note) => `- ${note}`)];
}

/** What `tidegate check` will say, so that nobody is surprised later. */
function doubts(config: Imported["config"]): string[] {
  const options = { file: "tidegate.yaml", baseFolder: process.cwd() };
  const { problems } = readConfig(writeYaml({ before: [], value: config, after: [] }), options);
  return problems.map(({ path, message, remedy }) => {
    const what = remedy === undefined ? message : `${message}; ${remedy}`;
    return `${path === "" ? "" : `${path}: `}${what}`;
  });
}
