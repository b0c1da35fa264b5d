// Lays out the program as it is installed, for the Debian package and the image: compiled JavaScript,
// the packages it needs when it runs, and the Node.js it runs on. Only what package-lock.json calls
// neither a development package nor another machine's is taken.

import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, lutimesSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { existsSync, lstatSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./engine.mjs";

export const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** What this machine is called by Node.js' packages, by Debian, by its libraries' folder and by images. */
export const machine = machineOf(process.arch);

function machineOf(arch) {
  if (arch === "x64") {
    return { node: "x64", debian: "amd64", triplet: "x86_64-linux-gnu", oci: "amd64" };
  }
  if (arch === "arm64") {
    return { node: "arm64", debian: "arm64", triplet: "aarch64-linux-gnu", oci: "arm64" };
  }
  throw new Error(`There is no bundled Node.js for ${arch}: packages are built on x64 or arm64.`);
}

/** One date for every file, so that the same sources give the same bytes on every day. */
export const epoch = Number(process.env.SOURCE_DATE_EPOCH ?? dateOfLastChange());

function dateOfLastChange() {
  const { stdout } = spawnSync("git", ["log", "-1", "--format=%ct"], { cwd: root });
  const seconds = stdout?.toString().trim();
  return seconds === undefined || seconds === "" ? "1767225600" : seconds;
}

/** Runs a program; its failure is ours. */
export function must(program, args, options = {}) {
  const io = { stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" };
  const result = spawnSync(program, args, { ...io, ...options });
  if (result.error !== undefined) {
    throw new Error(`${program} did not start (${result.error.message}). Is it installed?`);
  }
  if (result.status !== 0) {
    const said = `${result.stdout ?? ""}${result.stderr ?? ""}`.trim();
    throw new Error(`${program} ${args.join(" ")} ended with ${result.status}:\n${said}`);
  }
  return result.stdout?.toString() ?? "";
}

/** The compiled program with its console, in `folder`: bin, dist, packaging, package.json. */
export function stageProgram(folder) {
  mkdirSync(folder, { recursive: true });
  const project = join(root, "scripts", "tsconfig.build.json");
  must(join(root, "node_modules", ".bin", "tsc"), [
    ...["--project", project],
    ...["--outDir", join(folder, "dist")],
  ]);
  const out = join(folder, "dist", "console");
  must(process.execPath, [join(root, "scripts", "console.mjs"), "--strict", "--out", out]);
  for (const each of ["bin", "packaging", "package.json", "LICENSE"]) {
    cpSync(join(root, each), join(folder, each), { recursive: true });
  }
}

/** Its node_modules, in `folder`: the packages of production and the bundled Node.js without headers. */
export function stageModules(folder) {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (path === "" || entry.dev === true) continue;
    if (entry.cpu !== undefined && !entry.cpu.includes(machine.node)) continue;
    const from = join(root, path);
    if (!existsSync(from)) throw new Error(`${path} is not installed. Run \`npm ci\`.`);
    cpSync(from, join(folder, path), { recursive: true, filter: (file) => isNeeded(from, file) });
  }
}

/** Types, maps, tests and manuals are for those who develop; of Node.js only the program is needed. */
function isNeeded(top, file) {
  const inside = file.slice(top.length + 1);
  if (top.endsWith(`node-linux-${machine.node}`)) {
    return /^(|bin|bin\/node|package\.json|LICENSE)$/.test(inside);
  }
  if (inside.includes("node_modules/")) return true;
  if (/^(test|tests|benchmarks|docs|examples|\.github)(\/|$)/.test(inside)) return false;
  return !/\.(d\.[cm]?ts|map|[cm]?ts|md)$/.test(inside) || /^licen[cs]e/i.test(inside);
}

/** Gives every file below one date and plain modes: what may be executed stays so, nothing else matters. */
export function settle(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const stat = lstatSync(path);
    if (stat.isDirectory()) settle(path);
    else if (stat.isFile()) chmodSync(path, (stat.mode & 0o100) === 0 ? 0o644 : 0o755);
    lutimesSync(path, epoch, epoch);
  }
  chmodSync(folder, 0o755);
  lutimesSync(folder, epoch, epoch);
}

/** A file with the words between @ signs filled in. */
export function fill(from, to, words) {
  const text = readFileSync(from, "utf8").replaceAll(/@([a-z]+)@/g, (_all, word) => {
    const value = words[word];
    if (value === undefined) throw new Error(`${from}: nobody knows @${word}@`);
    return value;
  });
  writeFileSync(to, text, { mode: lstatSync(from).mode });
}
