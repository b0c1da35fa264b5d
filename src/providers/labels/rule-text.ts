// Pieces of our rule language, made of foreign text.

export function call(name: string, ...values: readonly string[]): string {
  return `${name}(${values.map((value) => JSON.stringify(value)).join(", ")})`;
}

export function both(...rules: readonly (string | undefined)[]): string {
  return rules.filter((rule) => rule !== undefined && rule !== "").join(" && ");
}

/** In parentheses where there are several. */
export function either(rules: readonly string[]): string {
  return rules.length === 1 ? (rules[0] ?? "") : `(${rules.join(" || ")})`;
}

/** A regular expression that matches just this text. */
export function literal(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}
