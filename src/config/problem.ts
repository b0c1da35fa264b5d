// A fault in what the operator wrote. Problems are collected, never thrown, so that one reading reports
// all of them. The message says what is wrong, the remedy what to write instead.

export interface Problem {
  readonly file: string;
  /** 1-based, like every editor counts. */
  readonly line: number;
  readonly column: number;
  /** The item it belongs to: `routes.www.timeouts`, "" for the file as a whole. */
  readonly path: string;
  readonly message: string;
  readonly remedy?: string;
  /** Warnings do not keep a configuration from being used. */
  readonly severity: "error" | "warning";
}

export type Path = readonly (string | number)[];

export function formatProblem(problem: Problem): string {
  const place = `${problem.file}:${problem.line}:${problem.column}: `;
  const warning = problem.severity === "warning" ? "warning: " : "";
  const path = problem.path === "" ? "" : `${problem.path}: `;
  const remedy = problem.remedy === undefined ? "" : `; ${problem.remedy}`;
  return `${place}${warning}${path}${problem.message}${remedy}`;
}

/** `routes["www.example.com"].service`, `listeners.web[0]`. */
export function formatPath(path: Path): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (!/^[\w-]+$/.test(part)) text += `[${JSON.stringify(part)}]`;
    else text += text === "" ? part : `.${part}`;
  }
  return text;
}
