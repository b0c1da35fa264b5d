// A copy of the program that a test may break: sources in a folder of its own, packages by a link.

import { cp, readFile, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { tempFolder } from "./temp-folder.ts";

export interface ProgramCopy extends AsyncDisposable {
  readonly launcher: string;
  /** The module throws as soon as it is loaded; the function returned repairs it. */
  break(module: string, message: string): Promise<() => Promise<void>>;
}

const root = resolve(import.meta.dirname, "../..");

export async function programCopy(): Promise<ProgramCopy> {
  const folder = await tempFolder("tidegate-copy-");
  for (const part of ["src", "bin", "package.json"]) {
    await cp(join(root, part), folder.file(part), { recursive: true });
  }
  await symlink(join(root, "node_modules"), folder.file("node_modules"));
  return {
    launcher: folder.file("bin/tidegate"),
    async break(module, message) {
      const path = folder.file(module);
      const text = await readFile(path, "utf8");
      await writeFile(path, `throw new Error(${JSON.stringify(message)});\n${text}`);
      return () => writeFile(path, text);
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
