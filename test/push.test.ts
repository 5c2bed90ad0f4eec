/** `revq push` to a local hub. */
import { tokenizerFolder } from "@revq/tokenizer-tiny";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startUploadServer, type UploadServer } from "../packages/formats/test/upload-server.js";
import { revq, revqJson, temporaryFolder } from "./support/revq.js";

/** A tokenizer as training leaves it: with its model card and its run. */
const tokenizer = "tokenizer";
const modelCard = "# A revq tokenizer\n\nMeasured.\n";

describe("revq push", () => {
  let hub: UploadServer;
  let cwd: string;
  let remove: () => Promise<void>;
  beforeAll(async () => {
    hub = await startUploadServer();
    ({ path: cwd, remove } = await temporaryFolder());
    await cp(fileURLToPath(tokenizerFolder), join(cwd, tokenizer), { recursive: true });
    await mkdir(join(cwd, tokenizer, "run"));
    await writeFile(join(cwd, tokenizer, "README.md"), modelCard);
    await writeFile(join(cwd, tokenizer, "run", "config.json"), "{}");
  });
  afterAll(async () => {
    hub.close();
    await remove();
  });
  const options = (environment = {}) => ({
    cwd,
    environment: { HF_ENDPOINT: hub.endpoint, HF_TOKEN: "hf_test", HF_HOME: cwd, ...environment },
  });

  it("says what it would do, without a request or a token", async () => {
    const { code, stdout, stderr } = await revq(
      ["push", tokenizer, "hf:me/mine", "--dry-run"],
      options({ HF_TOKEN: "" }),
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/me\/mine \(branch main\), public if it is new/);
    expect(stdout).toMatch(/README\.md.*\n.*config\.json.*\n.*model\.safetensors, .* MB/);
    expect(stderr).toContain("There is no token");
    expect(hub.requests).toEqual([]);
  });

  it("publishes the tokenizer with its model card", async () => {
    const report = await revqJson<{ commit: string; created: boolean }>(["push", tokenizer, "hf:me/mine"], options());
    expect(report).toMatchObject({ url: `${hub.endpoint}/me/mine`, created: true, commit: "a".repeat(40) });
    for (const name of ["config.json", "model.safetensors"])
      expect(hub.files.get(name)!.equals(await readFile(join(cwd, tokenizer, name)))).toBe(true);
    const card = hub.files.get("README.md")!.toString();
    expect(card).toMatch(/^---\nlibrary_name: revq\ntags:\n {2}- image-tokenizer\n/);
    expect(card.endsWith(`---\n\n${modelCard}`)).toBe(true);
    expect([...hub.files.keys()].sort()).toEqual(["README.md", "config.json", "model.safetensors"]);
  });

  it("refuses what is no tokenizer, and asks for a token", async () => {
    await mkdir(join(cwd, "other"));
    await writeFile(join(cwd, "other", "config.json"), "{}");
    const other = await revq(["push", "other", "hf:me/mine"], options());
    expect(other.code).toBe(1);
    expect(other.stderr).toContain("not a tokenizer");
    const anonymous = await revq(["push", tokenizer, "hf:me/mine"], options({ HF_TOKEN: "" }));
    expect(anonymous.code).toBe(1);
    expect(anonymous.stderr).toContain("Set HF_TOKEN");
  });
});
