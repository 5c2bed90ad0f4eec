/**
 * Compares two records of `record.mjs`, bit for bit, under the names of names.mjs. Prints every difference and ends with code 1 when there
 * is any, or when nothing was compared.
 *
 * Run: node tools/record/compare.mjs BEFORE AFTER [--names FILE] [--only TEXT] [--all]
 * Without --all at most eight differences of a file are printed.
 */
import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { readNpy, readPng, readSafetensors } from "./arrays.mjs";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { names: { type: "string" }, only: { type: "string" }, all: { type: "boolean", default: false } },
});
if (positionals.length !== 2) throw new Error("Usage: node tools/record/compare.mjs BEFORE AFTER [--names FILE]");
const map = values.names ? pathToFileURL(resolve(values.names)).href : new URL("names.mjs", import.meta.url).href;
const { tensors, json, added, removed, ignored } = await import(map);
const [before, after] = positionals.map((path) => resolve(path));

const counts = { files: 0, values: 0, differences: 0 };
/** Why values were left out -> how many. */
const excused = new Map();

const runs = await inEither(before, after, (entry) => entry.isDirectory());
for (const run of runs.filter((name) => name !== "work" && name.includes(values.only ?? ""))) {
  const folders = [join(before, run), join(after, run)];
  for (const file of await inEither(...folders, (entry) => entry.isFile(), true)) {
    const [a, b] = await Promise.all(folders.map((folder) => readFile(join(folder, file)).catch(() => null)));
    const failed = file === "failure.json" ? [`a run failed: ${JSON.parse(b ?? a).message}`] : null;
    const differences =
      failed ?? (a && b ? await compareFile(file, a, b) : [`only in the record ${a ? "before" : "after"}`]);
    report(`${run}/${file}`, differences);
  }
}
for (const [why, count] of excused) console.log(`not compared: ${count} values (${why})`);
console.log(`${runs.length} runs, ${counts.files} files, ${counts.values} values: ${counts.differences} differences`);
process.exitCode = counts.differences > 0 || counts.values === 0 ? 1 : 0;

/** Names in either folder, with `recursive` as paths below it. */
async function inEither(first, second, isWanted, recursive = false) {
  const names = new Set();
  for (const folder of [first, second]) {
    for (const entry of await readdir(folder, { withFileTypes: true, recursive }).catch(() => [])) {
      if (isWanted(entry)) names.add(join(entry.parentPath ?? entry.path, entry.name).slice(folder.length + 1));
    }
  }
  return [...names].sort();
}

function report(name, differences) {
  counts.files++;
  counts.differences += differences.length;
  const shown = values.all ? differences : differences.slice(0, 8);
  for (const difference of shown) console.log(`${name}: ${difference}`);
  if (shown.length < differences.length) console.log(`${name}: and ${differences.length - shown.length} more`);
}

async function compareFile(file, a, b) {
  if (file.endsWith(".json")) return compareJson(file, JSON.parse(a), JSON.parse(b));
  if (file.endsWith(".safetensors")) return compareTensors(file, readSafetensors(a), readSafetensors(b));
  if (file.endsWith(".npy")) return compareArrays("", readNpy(a), readNpy(b));
  if (file.endsWith(".png")) return compareArrays("", await readPng(a), await readPng(b));
  counts.values++;
  return a.equals(b) ? [] : ["other bytes"];
}

function compareJson(file, first, second) {
  const differences = [];
  const [a, b] = [new Map(), new Map(leaves(second))];
  for (const [path, value] of leaves(first)) a.set(...renamed(file, path, value));
  for (const path of new Set([...a.keys(), ...b.keys()])) {
    if (isExcused(ignored, file, path)) continue;
    if (!b.has(path)) {
      if (!isExcused(removed, file, path)) differences.push(`${path} is gone, was ${JSON.stringify(a.get(path))}`);
    } else if (!a.has(path)) {
      if (!isExcused(added, file, path)) differences.push(`${path} is new: ${JSON.stringify(b.get(path))}`);
    } else if (!Object.is(a.get(path), b.get(path))) {
      differences.push(`${path}: ${JSON.stringify(a.get(path))} -> ${JSON.stringify(b.get(path))}`);
    }
    counts.values++;
  }
  return differences;
}

/** Paths and values of everything that is not an object or array with something in it. */
function leaves(value, path = "") {
  if (value === null || typeof value !== "object") return [[path, value]];
  const entries = Object.entries(value);
  if (entries.length === 0) return [[path, Array.isArray(value) ? "[]" : "{}"]];
  return entries.flatMap(([key, each]) => leaves(each, path === "" ? key : `${path}.${key}`));
}

function renamed(file, path, value) {
  let [name, kept] = [path, value];
  for (const entry of json) {
    if ((entry.file && !entry.file.test(file)) || !entry.from.test(name)) continue;
    name = name.replace(entry.from, entry.to);
    if (entry.values && Object.hasOwn(entry.values, String(kept))) kept = entry.values[String(kept)];
  }
  return [name, kept];
}

function isExcused(list, file, path) {
  const entry = list.find((each) => (!each.file || each.file.test(file)) && each.path.test(path));
  if (entry) excused.set(entry.why, (excused.get(entry.why) ?? 0) + 1);
  return entry !== undefined;
}

function compareTensors(file, first, second) {
  const differences = [];
  const a = {};
  for (const [name, tensor] of Object.entries(first)) {
    const fitting = tensors.filter((entry) => !entry.file || entry.file.test(file));
    a[fitting.reduce((text, { from, to }) => text.replace(from, to), name)] = tensor;
  }
  for (const name of new Set([...Object.keys(a), ...Object.keys(second)])) {
    if (!second[name]) differences.push(...(isExcused(removed, file, name) ? [] : [`tensor ${name} is gone`]));
    else if (!a[name]) differences.push(...(isExcused(added, file, name) ? [] : [`tensor ${name} is new`]));
    else differences.push(...compareArrays(`tensor ${name} `, a[name], second[name]));
  }
  return differences;
}

/** Type, shape and every bit. */
function compareArrays(what, a, b) {
  counts.values += b.data.length;
  const kind = ({ dtype, shape }) => `${dtype} [${shape}]`;
  if (kind(a) !== kind(b)) return [`${what}is ${kind(b)}, was ${kind(a)}`];
  let [differing, largest] = [0, 0];
  for (let i = 0; i < a.data.length; i++) {
    if (Object.is(a.data[i], b.data[i])) continue;
    differing++;
    largest = Math.max(largest, Math.abs(Number(a.data[i]) - Number(b.data[i])));
  }
  const bits = /16/.test(a.dtype) || a.dtype === "<f2" ? " (of the bits of float16)" : "";
  return differing ? [`${what}differs in ${differing} of ${a.data.length} values, by up to ${largest}${bits}`] : [];
}
