// A radix tree: which of the known texts does this one begin with? It costs the length of the text, not
// the number of known texts, and looking up allocates nothing. Built `fromEnd` it asks for endings
// instead, which is how host names nest.

export interface TreeNode<V> {
  /** The characters between the parent and this node, in the direction of the tree. */
  label: string;
  /** How many characters lead here from the root. */
  depth: number;
  /** What was put under exactly this text; a node where texts only part has none. */
  value: V | undefined;
  parent: TreeNode<V> | undefined;
  /** By the first character of their labels; a leaf has none. */
  children: Map<number, TreeNode<V>> | undefined;
}

// Hot: bench/routing.ts
export class PrefixTree<V> {
  readonly #fromEnd: boolean;
  readonly #root: TreeNode<V>;

  constructor(fromEnd: boolean) {
    this.#fromEnd = fromEnd;
    this.#root = nodeOf<V>("", 0, undefined);
  }

  /** The value kept for exactly `text`, made by `make` when there is none yet. */
  at(text: string, make: () => V): V {
    const key = this.#fromEnd ? text.split("").toReversed().join("") : text;
    let node = this.#root;
    while (node.depth < key.length) node = this.#step(node, key);
    node.value ??= make();
    return node.value;
  }

  /**
   * The longest known text that `text` begins (or ends) with. Its ancestors with a value are all the
   * shorter ones. A node without a value may come back too.
   */
  deepest(text: string): TreeNode<V> {
    let node = this.#root;
    while (node.depth < text.length) {
      const child = node.children?.get(this.#codeAt(text, node.depth));
      if (child === undefined || !this.#continues(text, node.depth, child)) return node;
      node = child;
    }
    return node;
  }

  /** The value kept for exactly `text`. */
  get(text: string): V | undefined {
    const node = this.deepest(text);
    return node.depth === text.length ? node.value : undefined;
  }

  #continues(text: string, from: number, child: TreeNode<V>): boolean {
    if (child.depth > text.length) return false;
    // The first character chose the child.
    for (let i = 1; i < child.label.length; i += 1) {
      if (this.#codeAt(text, from + i) !== child.label.charCodeAt(i)) return false;
    }
    return true;
  }

  #codeAt(text: string, i: number): number {
    return text.charCodeAt(this.#fromEnd ? text.length - 1 - i : i);
  }

  /** One node further on the way to `key`, made (or split out of a longer one) when it is missing. */
  #step(node: TreeNode<V>, key: string): TreeNode<V> {
    const code = key.charCodeAt(node.depth);
    node.children ??= new Map();
    const child = node.children.get(code);
    if (child === undefined) {
      const leaf = nodeOf(key.slice(node.depth), key.length, node);
      node.children.set(code, leaf);
      return leaf;
    }
    let shared = 1;
    const most = Math.min(child.label.length, key.length - node.depth);
    while (shared < most && child.label[shared] === key[node.depth + shared]) shared += 1;
    if (shared === child.label.length) return child;
    const middle = nodeOf<V>(child.label.slice(0, shared), node.depth + shared, node);
    child.label = child.label.slice(shared);
    child.parent = middle;
    middle.children = new Map([[child.label.charCodeAt(0), child]]);
    node.children.set(code, middle);
    return middle;
  }
}

function nodeOf<V>(label: string, depth: number, parent: TreeNode<V> | undefined): TreeNode<V> {
  return { label, depth, value: undefined, parent, children: undefined };
}
