// The other workers of this program, as one of them sees them: who looks after a key, and how to ask. Only for what has to
// be exact over all of them and can wait for nobody else: a request that meets a limit of all workers, or that the
// cache does not have.

export interface Peers {
  /** Workers that serve now, this one included. */
  readonly count: number;
  /** Who looks after a key: the same one for all who see the same workers. undefined = this one does. */
  ownerOf(key: string): Peer | undefined;
  /**
   * Answers what the others ask about a topic, now or later (a promise); one for each topic, the last one that was named.
   * @returns what takes it back
   */
  answer(topic: string, answer: (question: unknown) => unknown): () => void;
  /** Tells all others something, without an answer. */
  tell(topic: string, news: unknown): void;
  /** Hears what others tell about a topic. @returns what takes it back */
  hear(topic: string, hear: (news: unknown) => void): () => void;
}

export interface Peer {
  /** Where it takes HTTP from peers: a unix socket that nobody else may open. */
  readonly path: string;
  /**
   * Asks it. Questions of one turn of the event loop travel together. Rejects when it is gone, or has not answered in time:
   * then whoever asks decides by itself.
   * @param wait ms
   */
  ask(topic: string, question: unknown, wait: number): Promise<unknown>;
}

/** Of a process that serves alone. */
export const noPeers: Peers = {
  count: 1,
  ownerOf: () => undefined,
  answer: () => () => {},
  tell: () => {},
  hear: () => () => {},
};
