// What a browser remembers for its user between visits. Where that is forbidden, nothing is remembered.

export function remembered(name: string): string | undefined {
  try {
    return localStorage.getItem(`tidegate.${name}`) ?? undefined;
  } catch {
    return undefined;
  }
}

/** undefined = forget it. */
export function remember(name: string, value: string | undefined): void {
  try {
    if (value === undefined) localStorage.removeItem(`tidegate.${name}`);
    else localStorage.setItem(`tidegate.${name}`, value);
  } catch {
    // It holds for this visit only.
  }
}
