// Who reads the configuration file of a running program: one of ours, or of a program whose place we take. Foreign
// readers are loaded when they are asked for.

import type { ConfigReader } from "../config/read.ts";
import type { ProgramSettings } from "../process/program-settings.ts";

/** undefined = it is ours. */
export async function readerFor({ format }: ProgramSettings): Promise<ConfigReader | undefined> {
  if (format === undefined) return undefined;
  return (await import("../importers/hipache.ts")).readHipache;
}
