// `tidegate hipache`: takes Hipache's place with its own config.json, which is read again whenever it changes. Options and
// places are those of Hipache.

import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { formatProblem } from "../config/problem.ts";
import { writeYaml } from "../config/write-yaml.ts";
import { censored, readHipache, translateHipache } from "../importers/hipache.ts";
import { NotImported } from "../importers/imported.ts";
import { plainLines } from "./plain.ts";

export interface HipacheFlags {
  readonly config?: string;
  readonly dry: boolean;
  readonly portsFile?: string;
  readonly control?: string;
  readonly pidFile?: string;
}

/** Returns the exit code. */
export async function hipache(flags: HipacheFlags): Promise<number> {
  const config = flags.config ?? usualFile(process.env["SETTINGS_FLAVOR"]);
  if (config === undefined) return 1;
  if (flags.dry) return show(config);
  const { run } = await import("./run.ts");
  const { portsFile, control, pidFile } = flags;
  const ours = { port: 0, workers: undefined, user: undefined, group: undefined };
  return run({ ...ours, config, format: "hipache", portsFile, control, pidFile });
}

/** Hipache itself looks in its own folder; whoever starts it stands there. */
function usualFile(flavor = ""): string | undefined {
  const own = `config/config${flavor === "" ? "" : `_${flavor}`}.json`;
  const places = flavor === "" ? [own, "/etc/hipache.json"] : [own];
  const found = places.find((each) => existsSync(each));
  if (found === undefined) {
    const where = places.join(", and no ");
    const text = `tidegate: there is no ${where}; say where the file is with --config`;
    process.stderr.write(`${plainLines(text)}\n`);
  }
  return found;
}

function show(file: string): number {
  try {
    const text = readFileSync(file, "utf8");
    const { config } = translateHipache(text, file);
    const before = [`What ${file} comes to; \`tidegate import hipache\` makes a file of it.`];
    process.stdout.write(writeYaml({ before, value: censored(config), after: [] }));
    const options = { file, baseFolder: dirname(resolve(file)) };
    const { snapshot, problems } = readHipache(text, options);
    for (const each of problems) process.stderr.write(`${plainLines(formatProblem(each))}\n`);
    return snapshot === undefined ? 1 : 0;
  } catch (error) {
    if (!(error instanceof NotImported) && !isSystemError(error)) throw error;
    process.stderr.write(`tidegate: ${plainLines(error.message)}\n`);
    return 1;
  }
}

function isSystemError(error: unknown): error is Error {
  return error instanceof Error && "syscall" in error;
}
