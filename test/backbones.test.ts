/** VAEs from the command line: numbers beside Python's, what is inside a folder, and every way in which weights can be wrong. */
import { readNpyFloat32, openSafetensors, writeNpy } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startHub } from "../packages/formats/test/hub-server.js";
import { hasShared, revq, revqJson, shared, temporaryFolder } from "./support/revq.js";

const repository = fileURLToPath(new URL("..", import.meta.url));
const onnxFixtures = join(repository, "plugins/backbone-onnx/test/fixtures");
const pickles = join(repository, "packages/formats/test/fixtures/pth");
const fixtures = join(shared, "fixtures");

const folder = await temporaryFolder();
const cwd = folder.path;
afterAll(() => folder.remove());

interface PyTorchArray {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

const save = (name: string, { shape, data }: PyTorchArray): Promise<void> =>
  writeFile(join(cwd, name), writeNpy({ shape, data: Float32Array.from(data) }));

/** Largest difference, relative to the largest magnitude expected. */
async function relativeError(name: string, expected: PyTorchArray): Promise<number> {
  const { shape, data } = await readNpyFloat32(await fromFile(join(cwd, name)));
  expect(shape).toEqual(expected.shape);
  const largest = Array.from(expected.data).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return data.reduce((most, value, i) => Math.max(most, Math.abs(value - expected.data[i]!)), 0) / largest;
}

describe("revq backbone", () => {
  it("encodes and decodes arrays as PyTorch does (onnx)", async () => {
    const io = JSON.parse(await readFile(join(onnxFixtures, "optimum/io.json"), "utf8")) as Record<
      string,
      PyTorchArray
    >;
    const { image, latent, decoded } = io as { image: PyTorchArray; latent: PyTorchArray; decoded: PyTorchArray };
    await save("images.npy", image);
    const vae = ["--backbone", "onnx", "--weights", join(onnxFixtures, "optimum"), "--batch", "1"].concat([
      "--set",
      "backbone.provider=cpu",
    ]); // the file follows a flag that can be repeated
    await revqJson(["backbone", "encode", ...vae, "images.npy", "-o", "latents.npy"], { cwd });
    expect(await relativeError("latents.npy", latent)).toBeLessThan(1e-5);
    await revqJson(["backbone", "decode", ...vae, "--image-size", "16", "latents.npy", "-o", "again.npy"], { cwd });
    expect(await relativeError("again.npy", decoded)).toBeLessThan(1e-5);
  });

  it.skipIf(!hasShared)("encodes and decodes arrays as PyTorch does (dc-ae, needs ../shared/fixtures)", async () => {
    const weights = join(fixtures, "dc-ae-tiny");
    const io = await openSafetensors(await fromFile(join(weights, "io.safetensors")));
    const read = (name: string): Promise<PyTorchArray> => io.readFloat32(name);
    await save("dc-images.npy", await read("input"));
    await save("dc-latents.npy", await read("decoder_input"));
    // The folder also holds another safetensors file, which must not be taken for the weights.
    const vae = ["--backbone", "dc-ae", "--weights", weights];
    await revqJson(["backbone", "encode", ...vae, "dc-images.npy", "-o", "dc-encoded.npy"], { cwd });
    expect(await relativeError("dc-encoded.npy", await read("encoder_output"))).toBeLessThan(1e-4);
    await revqJson(["backbone", "decode", ...vae, "dc-latents.npy", "-o", "dc-decoded.npy"], { cwd });
    expect(await relativeError("dc-decoded.npy", await read("decoder_output"))).toBeLessThan(1e-4);
  });

  it.skipIf(!hasShared)("inspects a folder (needs ../shared)", async () => {
    const report = await revqJson(["backbone", "inspect", join(fixtures, "dc-ae-tiny")], { cwd });
    // 436,363: the elements of the tensors in the file.
    expect(report).toMatchObject({ backbone: "dc-ae", latentShape: [8, 64, 64], parameters: 436_363, vae: null });
    const tae = await revqJson(
      [
        "backbone",
        "inspect",
        join(shared, "weights"),
        "--image-size",
        "64",
        "--data",
        join(shared, "data/imagenet256/val"),
        "--limit",
        "2",
      ],
      { cwd },
    );
    expect(tae).toMatchObject({ backbone: "tae", latentShape: [4, 8, 8], vae: { images: 2 } });
  });
});

describe("wrong weights", () => {
  const refused = async (args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await revq(args, { cwd });
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stdout).toBe("");
    expect(code).toBe(1);
    return stderr.replace(/^Engine: .*\n/, "");
  };
  const file = "diffusion_pytorch_model.safetensors";

  /** A folder of the tiny dc-ae whose weights were changed. */
  async function damaged(name: string, change: (weights: Buffer) => Uint8Array | string): Promise<string[]> {
    const source = join(fixtures, "dc-ae-tiny");
    await mkdir(join(cwd, name));
    await cp(join(source, "config.json"), join(cwd, name, "config.json"));
    await writeFile(join(cwd, name, file), change(await readFile(join(source, file))));
    return ["backbone", "inspect", name];
  }

  beforeAll(async () => {
    await mkdir(join(cwd, "photos"));
    await writeFile(join(cwd, "photos/cat.jpg"), "");
  });

  it("a folder of something else", async () => {
    expect(await refused(["backbone", "inspect", "photos"])).toMatch(
      /photos is not recognised as a VAE.*its files are cat.jpg/,
    );
    expect(await refused(["backbone", "inspect", "nowhere"])).toMatch(/The weights "nowhere" do not exist/);
    expect(await refused(["backbone", "inspect", "photos", "--backbone", "dc-ae"])).toMatch(
      /photos has no weights of .*found cat.jpg/,
    );
  });

  it.skipIf(!hasShared)("a pointer of Git LFS, a truncated file, overlapping tensors (needs ../shared)", async () => {
    const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 1755988\n";
    expect(await refused(await damaged("pointer", () => pointer))).toMatch(/is a git-LFS pointer/);
    expect(await refused(await damaged("cut", (weights) => weights.subarray(0, 1_000_000)))).toMatch(
      /got 1000000 bytes/,
    );
    const overlapping = await damaged("overlap", (weights) => {
      // The second tensor of the file is said to begin where the first does.
      const text = weights.toString("latin1");
      return Buffer.from(
        text.replace(
          /("data_offsets":\[)(\d+)(,\d+\])/g,
          (all, before: string, start: string, after: string, at: number) =>
            start !== "0" && at < 1000 ? `${before}${"0".padEnd(start.length, " ")}${after}` : all,
        ),
        "latin1",
      );
    });
    expect(await refused(overlapping)).toMatch(/overlap/);
  });

  it.skipIf(!hasShared)("the weights of another config (needs ../shared)", async () => {
    const args = await damaged("other", (weights) => weights);
    await cp(join(fixtures, "dc-ae-tiny-in/config.json"), join(cwd, "other/config.json"));
    expect(await refused(args)).toMatch(
      /does not hold the weights of .*"encoder.down_blocks.1.1.conv.weight" has shape \[64,32,3,3\], expected \[16,32,3,3\]/,
    );
  });

  it("a pickle that would run a command: nothing is run, and it is named", async () => {
    const message = await refused(["import", "revq", join(pickles, "attack-system.pth"), "-o", "imported"]);
    expect(message).toMatch(/posix\.system/);
  });

  it.skipIf(!hasShared)("nor where a model folder has such a file for its weights (needs ../shared)", async () => {
    await mkdir(join(cwd, "pickled"));
    await cp(join(fixtures, "dc-ae-tiny/config.json"), join(cwd, "pickled/config.json"));
    await cp(join(pickles, "attack-system.pth"), join(cwd, "pickled/diffusion_pytorch_model.bin"));
    expect(await refused(["backbone", "inspect", "pickled"])).toMatch(/posix\.system.*Nothing was executed/);
  });
});

describe.skipIf(!hasShared)("a VAE of the hub (needs ../shared)", () => {
  const repository = "someone/a-vae";

  it("is refused where its download is cut or changed, and then opens, once it can be had", async () => {
    const name = "diffusion_pytorch_model.safetensors";
    const files = Object.fromEntries(
      await Promise.all(
        ["config.json", name].map(async (file) => [file, await readFile(join(fixtures, "dc-ae-tiny", file))] as const),
      ),
    );
    const hub = await startHub(repository, files);
    const environment = { HF_HOME: join(cwd, "hub"), HF_ENDPOINT: hub.endpoint };
    const inspect = ["backbone", "inspect", `hf:${repository}`];
    try {
      hub.fault.corrupt = 99;
      const changed = await revq(inspect, { cwd, environment });
      expect(changed).toMatchObject({ code: 1, stdout: "" });
      expect(changed.stderr).toMatch(/config\.json.*(sha|hash)/is);
      hub.fault.corrupt = 0;
      hub.fault.cut = { after: 0, times: 99 };
      const cut = await revq(inspect, { cwd, environment });
      expect(cut).toMatchObject({ code: 1, stdout: "" });
      expect(cut.stderr).toMatch(
        /config\.json of someone\/a-vae: the connection broke 5 times; 0 of \d+ bytes are stored/,
      );
      for (const { stderr } of [changed, cut]) expect(stderr).not.toMatch(/^\s+at /m);
      hub.fault.cut = { after: 700_000, times: 2 }; // goes on where it stopped
      expect(await revqJson(inspect, { cwd, environment })).toMatchObject({ backbone: "dc-ae", parameters: 436_363 });
      hub.close();
      const offline = { ...environment, HF_HUB_OFFLINE: "1" };
      expect(await revqJson(inspect, { cwd, environment: offline })).toMatchObject({ backbone: "dc-ae" });
    } finally {
      hub.close();
    }
  }, 120_000);
});
