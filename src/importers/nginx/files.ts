// Files that nginx's directives name. Relative ones are looked for beside the main file, as nginx does.

import { existsSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import type { Outline } from "../outline.ts";
import { shown } from "../outline.ts";
import type { Directive } from "./tree.ts";

/** Absolute; undefined = none is named, or none that could be found. */
export function fileOf(directive: Directive | undefined, outline: Outline): string | undefined {
  return directive === undefined ? undefined : pathOf(directive, outline);
}

function pathOf(directive: Directive, outline: Outline): string | undefined {
  const { name, args, root } = directive;
  const [path = ""] = args;
  if (path === "" || /[$\p{Cc}]|^(data|engine|store):/u.test(path)) {
    outline.note(`${name} ${shown(path)}: is no file, and is left out`, directive);
    return undefined;
  }
  if (isAbsolute(path)) return path;
  // A site alone may be imported, too.
  const places = [root, dirname(root)].map((folder) => join(folder, path));
  return places.find((each) => existsSync(each)) ?? places[0];
}
