// Who answers and who hears, by topic. A topic that nobody knows is answered with a refusal.

type Answer = (question: unknown) => unknown;

export class Topics {
  readonly #answers = new Map<string, Answer[]>();
  readonly #hearers = new Map<string, Set<(news: unknown) => void>>();

  /** Of several the last one is asked; when it goes, because its configuration never went live, the one before it again. */
  answer(topic: string, answer: Answer): () => void {
    const answers = this.#answers.get(topic) ?? [];
    answers.push(answer);
    this.#answers.set(topic, answers);
    return () => {
      const at = answers.indexOf(answer);
      if (at === -1) return;
      answers.splice(at, 1);
      if (answers.length === 0) this.#answers.delete(topic);
    };
  }

  hear(topic: string, hear: (news: unknown) => void): () => void {
    const hearers = this.#hearers.get(topic) ?? new Set();
    hearers.add(hear);
    this.#hearers.set(topic, hearers);
    return () => {
      hearers.delete(hear);
      if (hearers.size === 0) this.#hearers.delete(topic);
    };
  }

  /** Throws, or rejects, what there is instead of an answer. */
  ask(topic: string, question: unknown): unknown {
    const answer = this.#answers.get(topic)?.at(-1);
    if (answer === undefined) throw new Error(`nobody answers about ${topic}`);
    return answer(question);
  }

  /** One that throws keeps the news from nobody else. */
  tell(topic: string, news: unknown): void {
    for (const hear of this.#hearers.get(topic) ?? []) {
      try {
        hear(news);
      } catch {
        // whoever hears looks after its own mistakes
      }
    }
  }
}
