// Containers, mounts and users take root to make. `{ skip: needsRoot() || needs("dockerd") }`.

/** A reason to skip, or false; a failure where REQUIRE_PARTS lists `root`. */
export function needsRoot(): string | false {
  if (process.geteuid?.() === 0) return false;
  const required = (process.env["REQUIRE_PARTS"] ?? "").split(",").map((each) => each.trim());
  if (required.includes("root")) throw new Error("REQUIRE_PARTS asks for root, which we are not");
  return "needs root";
}
