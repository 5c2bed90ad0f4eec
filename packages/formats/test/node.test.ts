import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSafetensors, writeSafetensors } from "../src/index.js";
import { fromFile, openWeights, writeFileAtomic } from "../src/node/index.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "revq-formats-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const tensors = writeSafetensors([{ name: "a", shape: [2], data: Float32Array.of(1, 2) }]);

describe("openWeights", () => {
  it("takes a repository of the hub's cache for its files", async () => {
    const repository = join(folder, "models--owner--name");
    for (const commit of ["abc", "def"]) {
      mkdirSync(join(repository, "snapshots", commit), { recursive: true });
      writeFileSync(join(repository, "snapshots", commit, `${commit}.safetensors`), "");
    }
    mkdirSync(join(repository, "refs"));
    writeFileSync(join(repository, "refs", "main"), "def\n");
    expect(await (await openWeights(repository)).list()).toEqual(["def.safetensors"]);
  });

  it("opens a folder, nested files and links included, hidden ones left out", async () => {
    mkdirSync(join(folder, "vae"));
    mkdirSync(join(folder, ".cache"));
    writeFileSync(join(folder, ".cache", "x.safetensors"), "");
    writeFileSync(join(folder, "vae", "model.safetensors"), tensors);
    writeFileSync(join(folder, "config.json"), "{}");
    symlinkSync(join("vae", "model.safetensors"), join(folder, "link.safetensors"));
    symlinkSync("nowhere", join(folder, "dangling"));
    symlinkSync(".", join(folder, "loop"));
    const weights = await openWeights(folder);
    expect(weights.spec).toBe(folder);
    const names = await weights.list();
    expect(names).toEqual(["config.json", "link.safetensors", "vae/model.safetensors"]);
    for (const name of ["link.safetensors", "vae/model.safetensors"]) {
      expect((await openSafetensors(await weights.open(name))).tensors.size).toBe(1);
    }
  });

  it("opens a single file under its own name", async () => {
    const path = join(folder, "taesd_encoder.safetensors");
    writeFileSync(path, tensors);
    const weights = await openWeights(path);
    expect(await weights.list()).toEqual(["taesd_encoder.safetensors"]);
    expect((await weights.open("taesd_encoder.safetensors")).size).toBe(tensors.length);
  });

  it("opens what is beside a single file", async () => {
    mkdirSync(join(folder, "named"));
    const path = join(folder, "named", "my.safetensors");
    writeFileSync(path, tensors);
    writeFileSync(join(folder, "named", "config.json"), "{}");
    const weights = await openWeights(path);
    expect(await weights.list()).toEqual(["my.safetensors"]);
    const config = await weights.beside!("config.json");
    expect(config!.size).toBe(2);
    await config!.close?.();
    expect(await weights.beside!("index.json")).toBeUndefined();
    expect((await openWeights(join(folder, "named"))).beside).toBeUndefined();
  });

  it("lists what is there when a name is missing, and does not leave the folder", async () => {
    mkdirSync(join(folder, "inner"));
    writeFileSync(join(folder, "secret"), "x");
    writeFileSync(join(folder, "inner", "model.safetensors"), tensors);
    const weights = await openWeights(join(folder, "inner"));
    await expect(weights.open("model.safetensor")).rejects.toMatchObject({
      code: "weights-file-missing",
      message: expect.stringContaining("it has model.safetensors"),
      fix: expect.stringContaining('"model.safetensors"'),
    });
    await expect(weights.open("../secret")).rejects.toMatchObject({ code: "weights-file-missing" });
  });

  it.each([
    ["hf:stabilityai", "hub-spec", /hf:owner\/name/],
    ["no/such/folder", "weights-not-found", /path/],
    ["madebyollin/taesd", "weights-not-found", /or hf:madebyollin\/taesd/],
  ])("refuses %s and says what to do", async (spec, code, fix) => {
    await expect(openWeights(spec)).rejects.toMatchObject({
      name: "RevqError",
      code,
      message: expect.stringContaining(spec),
      fix: expect.stringMatching(fix),
    });
  });
});

describe("fromFile", () => {
  it("says what is wrong with a path", async () => {
    await expect(fromFile(join(folder, "none"))).rejects.toMatchObject({ code: "file-not-found" });
    await expect(fromFile(folder)).rejects.toMatchObject({ code: "file-is-folder" });
    writeFileSync(join(folder, "file"), "x");
    await expect(fromFile(join(folder, "file", "below"))).rejects.toMatchObject({ code: "file-not-found" });
  });

  it("does not mix a file with the one that takes its place", async () => {
    const path = join(folder, "model.safetensors");
    writeFileSync(path, tensors);
    const source = await fromFile(path);
    await writeFileAtomic(path, tensors);
    await expect(source.read(0, 8)).rejects.toMatchObject({ code: "file-changed" });
    rmSync(path);
    await expect(source.read(0, 8)).rejects.toMatchObject({ code: "file-not-found" });
  });
});

describe("writeFileAtomic", () => {
  it("writes text, bytes and chunks, and replaces what was there", async () => {
    const path = join(folder, "file");
    await writeFileAtomic(path, "né");
    expect(readFileSync(path, "utf8")).toBe("né");
    await writeFileAtomic(path, tensors);
    expect(new Uint8Array(readFileSync(path))).toEqual(tensors);
    await writeFileAtomic(path, [Uint8Array.of(1), Uint8Array.of(2, 3)]);
    await writeFileAtomic(
      path,
      (async function* () {
        yield Uint8Array.of(4);
        yield new Uint8Array(0);
        yield Uint8Array.of(5);
      })(),
    );
    expect([...readFileSync(path)]).toEqual([4, 5]);
    expect(readdirSync(folder)).toEqual(["file"]);
  });

  it("keeps the old file and leaves nothing behind when the data fails", async () => {
    const path = join(folder, "file");
    await writeFileAtomic(path, "old");
    const failing = (async function* () {
      yield new Uint8Array(1000);
      throw new Error("no more data");
    })();
    await expect(writeFileAtomic(path, failing)).rejects.toThrow("no more data");
    expect(readFileSync(path, "utf8")).toBe("old");
    expect(readdirSync(folder)).toEqual(["file"]);
  });

  it("writes names of 255 bytes, and says which are longer", async () => {
    for (const name of ["n".repeat(255), `${"ü".repeat(125)}.png`]) {
      await writeFileAtomic(join(folder, name), "x");
      expect(readFileSync(join(folder, name), "utf8")).toBe("x");
    }
    await expect(writeFileAtomic(join(folder, "n".repeat(256)), "x")).rejects.toMatchObject({ code: "file-name" });
    expect(readdirSync(folder)).toHaveLength(2);
  });

  it("says what is wrong with the target", async () => {
    await expect(writeFileAtomic(join(folder, "none", "file"), "x")).rejects.toMatchObject({
      code: "folder-not-found",
    });
    mkdirSync(join(folder, "taken"));
    await expect(writeFileAtomic(join(folder, "taken"), "x")).rejects.toMatchObject({ code: "file-is-folder" });
    expect(readdirSync(folder)).toEqual(["taken"]);
  });
});
