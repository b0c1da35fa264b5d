// `tidegate import PROGRAM FILE`: prints another program's configuration as one of ours, ready to be used, and
// says what could not be carried over: on stderr, and in the file itself. Programs whose
// configuration is text have their importers in src/importers/, the others a file beside this one.

import { readConfig } from "../config/read.ts";
import { writeYaml } from "../config/write-yaml.ts";
import type { Imported, Importer } from "../importers/imported.ts";
import { NotImported } from "../importers/imported.ts";
import { settle } from "../importers/settle.ts";
import { plainLines } from "./plain.ts";

export type { Imported, Importer } from "../importers/imported.ts";
export { NotImported } from "../importers/imported.ts";

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
    imported = settle(await importer(file));
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
  // Containers bring their routes themselves.
  const isDiscovered = Object.hasOwn(config, "providers");
  const told = problems.filter(({ path }) => !(isDiscovered && path === "routes"));
  return told.map(({ path, message, remedy }) => {
    const what = remedy === undefined ? message : `${message}; ${remedy}`;
    return `${path === "" ? "" : `${path}: `}${what}`;
  });
}
