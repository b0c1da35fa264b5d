// What a check of a middleware of somebody's own is asked and answers.

/** Node starts in a tenth of a second; a module that takes longer than this hangs. */
export const longestCheckMs = 10_000;

export interface OwnQuestion {
  readonly path: string;
  /** Of the file. */
  readonly text: string;
  readonly settings: unknown;
  /** It is to run in a thread: whether it can be made there is tried, too. */
  readonly isThreaded: boolean;
}

export interface OwnIssue {
  /** Within the settings. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

export interface OwnVerdict {
  /** It cannot be loaded; undefined = it can. */
  readonly fault: string | undefined;
  readonly issues: readonly OwnIssue[];
}

/** As zod and its like tell them; else one without a place. */
export function issuesOf(error: unknown): readonly OwnIssue[] {
  const issues: unknown =
    typeof error === "object" && error !== null ? Reflect.get(error, "issues") : undefined;
  const read = Array.isArray(issues) ? issues.flatMap(issueOf) : [];
  if (read.length > 0) return read;
  return [{ path: [], message: error instanceof Error ? error.message : String(error) }];
}

function issueOf(issue: unknown): OwnIssue[] {
  if (typeof issue !== "object" || issue === null) return [];
  const { path, message } = { path: undefined, message: undefined, ...issue };
  const steps: unknown[] = Array.isArray(path) ? path : [];
  const plain = steps.filter((step) => typeof step === "string" || typeof step === "number");
  return [{ path: plain, message: String(message) }];
}
