// A bounded memory of what was used lately: two generations, of which the older is forgotten when the younger is full.
// What is asked for moves to the younger one, so what is used stays. Hot: bench/hpack.ts

/** Different glances at a key, a power of two. */
const glances = 1024;

interface Keyed {
  /** A text of its own: a part of a longer one would keep that too. */
  readonly key: string;
}

export class Recent<Value extends Keyed> {
  readonly #maxCount: number;
  readonly #maxCharacters: number;
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();
  /** Of the keys of the younger one. */
  #characters = 0;
  /**
   * By `glance`. In front of the maps, since most are found so without a hash of the whole key, which costs more than all the
   * rest when the key has just been cut out of a text.
   */
  readonly #got: (Value | undefined)[] = Array.from({ length: glances });

  /**
   * @param maxCount entries of one generation
   * @param maxCharacters of their keys
   */
  constructor(maxCount: number, maxCharacters: number) {
    this.#maxCount = maxCount;
    this.#maxCharacters = maxCharacters;
  }

  /** Finds less than `get`, and nothing wrong: the value that was got last of all whose keys look alike at a glance. */
  likely(key: string): Value | undefined {
    const value = this.#got[glance(key)];
    return value !== undefined && value.key === key ? value : undefined;
  }

  get(key: string): Value | undefined {
    const at = glance(key);
    const likely = this.#got[at];
    if (likely !== undefined && likely.key === key) return likely;
    const value = this.#young.get(key) ?? this.#fromOld(key);
    if (value !== undefined) this.#got[at] = value;
    return value;
  }

  add(value: Value): void {
    const { length } = value.key;
    if (length > this.#maxCharacters) return;
    if (this.#young.size >= this.#maxCount || this.#characters + length > this.#maxCharacters) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#characters = 0;
      // What is still asked for is found in the older one next, and stays.
      this.#got.fill(undefined);
    }
    this.#young.set(value.key, value);
    this.#characters += length;
  }

  #fromOld(key: string): Value | undefined {
    const value = this.#old.get(key);
    if (value !== undefined) this.add(value);
    return value;
  }
}

function glance(key: string): number {
  const { length } = key;
  if (length < 4) return length;
  const middle = length >> 1;
  const sum =
    length * 37 +
    key.charCodeAt(0) +
    key.charCodeAt(length - 1) * 5 +
    key.charCodeAt(middle) * 11 +
    key.charCodeAt(middle + (middle >> 1)) * 17 +
    key.charCodeAt(length - 3) * 29;
  return sum & (glances - 1);
}
