/** Paths of golden files and of the shared data, for the tests of this package. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const workspace = fileURLToPath(new URL("../../../", import.meta.url));
export const shared = resolve(workspace, process.env["REVQ_SHARED"] ?? "../shared");
export const hasShared = existsSync(resolve(shared, "fixtures"));

export const golden = (path: string): string => fileURLToPath(new URL(`fixtures/${path}`, import.meta.url));
export const goldenBytes = (path: string): Uint8Array => new Uint8Array(readFileSync(golden(path)));

/** Damaged inputs per parser. More of them search longer. */
export const mutations = Number(process.env["REVQ_MUTATIONS"] ?? 2000);
