// What the primary asks those who serve, and what they answer: each process for itself, or nobody in time.

import type { CachePurge } from "../admin/operations.ts";
import type { ServiceLoad } from "../upstream/state.ts";
import type { CacheAnswer } from "./cache-report.ts";
import {
  emptyTrafficAnswer,
  type TrafficAnswer,
  type TrafficQuestion,
  trafficWaits,
} from "./traffic-questions.ts";

export type Question =
  | TrafficQuestion
  /** What backends carry now. */
  | { readonly kind: "loads" }
  /** What is kept of answers, once what is to go has gone. */
  | { readonly kind: "caches"; readonly purge: CachePurge | undefined };

export type Answer =
  | TrafficAnswer
  | { readonly kind: "loads"; readonly services: readonly ServiceLoad[] }
  | ({ readonly kind: "caches" } & CacheAnswer);

export type QuestionKind = Question["kind"];

export type QuestionOf<Kind extends QuestionKind> = Extract<Question, { kind: Kind }>;

export type AnswerOf<Kind extends QuestionKind> = Extract<Answer, { kind: Kind }>;

/** How long an answer is waited for, ms. An operator waits for it; who hangs has nothing to say. */
export const answerWaits: Readonly<Record<QuestionKind, number>> = {
  ...trafficWaits,
  loads: 1000,
  // A purge that nobody can vouch for has to be asked for again.
  caches: 5000,
};

export function isAnswerOf<Kind extends QuestionKind>(
  answer: Answer,
  kind: Kind,
): answer is AnswerOf<Kind> {
  return answer.kind === kind;
}

/** Of a process that serves nothing yet. */
export function emptyAnswer(question: Question): Answer {
  switch (question.kind) {
    case "loads":
      return { kind: "loads", services: [] };
    case "caches":
      return { kind: "caches", rows: [], removed: 0 };
    default:
      return emptyTrafficAnswer(question);
  }
}
