// `access_log` and `error_log` of a server or location as those of its routes.

import type { Outline, Settings } from "../outline.ts";
import { shown } from "../outline.ts";
import type { Directive, Scope } from "./tree.ts";

/** @param hasErrors what is asked may write errors of its own */
export function logsOf(scope: Scope, hasErrors: boolean, outline: Outline): Settings {
  const access = scope.one("access_log");
  const error = scope.one("error_log");
  return {
    ...(access === undefined ? {} : accessOf(access, outline)),
    ...(error === undefined || !hasErrors ? {} : errorsOf(error, outline)),
  };
}

function accessOf(directive: Directive, outline: Outline): Settings {
  const [path = "", format = "combined"] = directive.args;
  if (path === "off") return { accessLog: false };
  if (!isFile(path)) {
    outline.note(`access_log ${shown(path)}: is no file by a fixed name; see accessLog`, directive);
    return {};
  }
  if (format !== "combined" && !format.includes("=")) {
    outline.note(
      `access_log ${shown(path)} ${format}: lines are written as combined; see accessLog`,
      directive,
    );
  }
  return { accessLog: { path, format: "combined" } };
}

function errorsOf(directive: Directive, outline: Outline): Settings {
  const [path = ""] = directive.args;
  if (path === "stderr") return { errorLog: "stderr" };
  if (isFile(path)) return path === "/dev/null" ? {} : { errorLog: path };
  outline.note(`error_log ${shown(path)}: is no file by a fixed name; see errorLog`, directive);
  return {};
}

function isFile(path: string): boolean {
  return path.startsWith("/") && !/[$\p{Cc}]/u.test(path);
}
