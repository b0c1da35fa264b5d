// Whether a value is what a JSON Schema says: as much of JSON Schema as our API's document uses, and a complaint about
// every keyword that is not among that, so that nothing is passed over in silence.

type Schema = Readonly<Record<string, unknown>>;

const notes = new Set(["description", "title", "default", "format"]);

/** Complaints with their places; none = it is. */
export function complaints(
  value: unknown,
  schema: Schema,
  root: unknown,
  place = "$",
): readonly string[] {
  return Object.entries(schema).flatMap(([keyword, wanted]) => {
    if (notes.has(keyword)) return [];
    const check = keywords[keyword];
    if (check === undefined) return [`${place}: the keyword ${keyword} is not known`];
    return check({ value, wanted, root, place, schema });
  });
}

interface Check {
  readonly value: unknown;
  readonly wanted: unknown;
  readonly root: unknown;
  readonly place: string;
  readonly schema: Schema;
}

const keywords: Readonly<Record<string, (check: Check) => readonly string[]>> = {
  $ref: ({ value, wanted, root, place }) =>
    complaints(value, resolve(root, String(wanted)) as Schema, root, place),
  type: ({ value, wanted, place }) => {
    const types = [wanted].flat().map(String);
    return when(!types.some((each) => isType(value, each)), place, `is no ${types.join(" or ")}`);
  },
  enum: ({ value, wanted, place }) =>
    when(!(wanted as unknown[]).includes(value), place, `is none of ${JSON.stringify(wanted)}`),
  const: ({ value, wanted, place }) => when(value !== wanted, place, `is not ${String(wanted)}`),
  anyOf: ({ value, wanted, root, place }) => {
    const tried = (wanted as Schema[]).map((each) => complaints(value, each, root, place));
    return tried.some(({ length }) => length === 0) ? [] : tried.flat();
  },
  properties: ({ value, wanted, root, place }) =>
    Object.entries(wanted as Record<string, Schema>).flatMap(([key, each]) =>
      isObject(value) && Object.hasOwn(value, key)
        ? complaints((value as Record<string, unknown>)[key], each, root, `${place}.${key}`)
        : [],
    ),
  required: ({ value, wanted, place }) =>
    (wanted as string[])
      .filter((key) => isObject(value) && !Object.hasOwn(value, key))
      .map((key) => `${place}: ${key} is missing`),
  additionalProperties: ({ value, wanted, root, place, schema }) => {
    if (!isObject(value)) return [];
    const known = Object.keys(schema["properties"] ?? {});
    const others = Object.entries(value).filter(([key]) => !known.includes(key));
    if (wanted === false) return others.map(([key]) => `${place}: ${key} is not known`);
    return others.flatMap(([key, each]) =>
      complaints(each, wanted as Schema, root, `${place}.${key}`),
    );
  },
  propertyNames: () => [],
  items: ({ value, wanted, root, place }) =>
    Array.isArray(value)
      ? value.flatMap((each, at) => complaints(each, wanted as Schema, root, `${place}[${at}]`))
      : [],
  minItems: ({ value, wanted, place }) =>
    when(Array.isArray(value) && value.length < Number(wanted), place, "has too few"),
  maxItems: ({ value, wanted, place }) =>
    when(Array.isArray(value) && value.length > Number(wanted), place, "has too many"),
  minLength: ({ value, wanted, place }) =>
    when(typeof value === "string" && value.length < Number(wanted), place, "is too short"),
  maxLength: ({ value, wanted, place }) =>
    when(typeof value === "string" && value.length > Number(wanted), place, "is too long"),
  pattern: ({ value, wanted, place }) =>
    when(
      typeof value === "string" && !new RegExp(String(wanted), "u").test(value),
      place,
      `is not ${String(wanted)}`,
    ),
  minimum: ({ value, wanted, place }) =>
    when(typeof value === "number" && value < Number(wanted), place, "is too small"),
  maximum: ({ value, wanted, place }) =>
    when(typeof value === "number" && value > Number(wanted), place, "is too large"),
};

function when(isWrong: boolean, place: string, what: string): readonly string[] {
  return isWrong ? [`${place} ${what}`] : [];
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isType(value: unknown, type: string): boolean {
  switch (type) {
    case "object":
      return isObject(value);
    case "array":
      return Array.isArray(value);
    case "null":
      return value === null;
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

/** What a reference within the document leads to. Throws when that is nothing. */
export function resolve(root: unknown, ref: string): unknown {
  const [start, ...path] = ref.split("/");
  if (start !== "#") throw new Error(`${ref} does not stay in the document`);
  return path.reduce((found: unknown, each) => {
    if (!isObject(found) || !Object.hasOwn(found, each)) throw new Error(`${ref} leads nowhere`);
    return (found as Record<string, unknown>)[each];
  }, root);
}
