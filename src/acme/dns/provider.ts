// Who changes the DNS for us: one contract, and several who fulfil it (`registry.ts`).

export interface DnsProvider {
  /** Has the TXT record stand there, beside others of that name. Rejects with a sentence. */
  set(name: string, value: string, signal: AbortSignal): Promise<void>;
  /** Has this one gone, and no other. */
  remove(name: string, value: string, signal: AbortSignal): Promise<void>;
}

/** One call at a time: most of them read what is there, and write it back. */
export function oneByOne(provider: DnsProvider): DnsProvider {
  let last: Promise<unknown> = Promise.resolve();
  const call = (action: () => Promise<void>) => {
    const ended = last.then(action);
    last = ended.catch(() => {}); // whoever called is told
    return ended;
  };
  return {
    set: (name, value, signal) => call(() => provider.set(name, value, signal)),
    remove: (name, value, signal) => call(() => provider.remove(name, value, signal)),
  };
}
