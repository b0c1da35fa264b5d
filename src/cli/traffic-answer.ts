// Answers of the API to commands about single requests.

import { type Answered, NoAnswer, refusedCode } from "./running.ts";

/** What a refusal says; it is one sentence. */
export function problemOf({ status, body }: Answered): string {
  const detail = typeof body === "object" && body !== null && "detail" in body ? body.detail : body;
  if (typeof detail !== "string" || detail === "") return `refused (status ${status})`;
  if (!detail.startsWith("{")) return detail;
  try {
    // A stream that is refused comes as it is.
    const parsed: unknown = JSON.parse(detail);
    return problemOf({ kind: "answer", status, body: parsed });
  } catch {
    return detail;
  }
}

export function noAnswerTo(problem: string): NoAnswer {
  return new NoAnswer(problem, refusedCode);
}
