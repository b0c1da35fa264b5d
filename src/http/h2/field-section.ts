// A decoded field section: names and values as they came, pseudo-header fields among them. Refilled for every section, so
// only good during the call that hands it over. Hot: bench/hpack.ts

export class FieldSection {
  count = 0;
  /** Latin1; nothing is checked but what HPACK itself asks for. */
  readonly names: string[] = [];
  readonly values: string[] = [];
  /** As RFC 9113 section 6.5.2 counts: names, values and 32 bytes for each field. */
  size = 0;
  /** There was more than may be kept; the rest was read, for the sake of the table, and is not here. */
  isTooLarge = false;

  clear(): void {
    this.count = 0;
    this.size = 0;
    this.isTooLarge = false;
  }

  add(name: string, value: string): void {
    this.names[this.count] = name;
    this.values[this.count++] = value;
    this.size += name.length + value.length + 32;
  }
}
