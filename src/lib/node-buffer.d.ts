// Methods of Buffer that Node has and its types leave out. They do what toString("latin1") and
// write(…, "latin1") do, without choosing the encoding by name each time.

interface Buffer {
  latin1Slice(start?: number, end?: number): string;
  latin1Write(text: string, offset?: number, length?: number): number;
}
