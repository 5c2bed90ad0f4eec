import { describe, expect, it } from "vitest";
import { RevqError, type WeightsSource } from "@revq/core";
import {
  fromBuffer,
  openModelFolder,
  readExpected,
  requireConfig,
  writeSafetensors,
  type TensorFile,
  type TensorToWrite,
} from "@revq/formats";

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const tensor = (name: string, shape: readonly number[], start = 0) => ({
  name,
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => start + i),
});

function place(files: Record<string, Uint8Array>): WeightsSource & { readonly open_: Set<string> } {
  const open_ = new Set<string>();
  return {
    spec: "place",
    open_,
    list: async () => Object.keys(files).sort(),
    open: async (name) => {
      open_.add(name);
      return Object.assign(fromBuffer(name, files[name]!), { close: async () => void open_.delete(name) });
    },
  };
}

async function all(
  file: TensorFile,
  expected: Record<string, number[]>,
  options = {},
): Promise<Record<string, number[]>> {
  const read: Record<string, number[]> = {};
  for await (const { name, data } of readExpected(file, new Map(Object.entries(expected)), { model: "it", ...options }))
    read[name] = [...data];
  return read;
}

const a = tensor("a.weight", [2, 2]);
const b = tensor("b.bias", [3], 10);

describe("openModelFolder", () => {
  it.each([
    ["an autoencoder's", encode({ _class_name: "AutoencoderKL" }), { _class_name: "AutoencoderKL" }],
    ["another program's", encode({ model_type: "clip" }), null],
    ["another model's", encode({ _class_name: "UNet2DConditionModel" }), null],
    ["damaged", new TextEncoder().encode("{"), null],
  ])("reads the config.json beside a file that was named: %s", async (_, config, expected) => {
    const inside = place({ "my.safetensors": writeSafetensors([a]) });
    const beside = place({ "config.json": config });
    const source = { ...inside, beside: (name: string) => beside.open(name) };
    const model = await openModelFolder(source, "a VAE");
    expect(model.config?.json ?? null).toEqual(expected);
    expect(beside.open_.size).toBe(0);
    await model.close();
  });

  it("prefers full precision, at the place itself, and closes what it opened", async () => {
    const source = place({
      "config.json": encode({ x: 1 }),
      "diffusion_pytorch_model.fp16.safetensors": writeSafetensors([tensor("a.weight", [2, 2], 5)]),
      "diffusion_pytorch_model.safetensors": writeSafetensors([a]),
      "vae/diffusion_pytorch_model.safetensors": writeSafetensors([b]),
      "other.safetensors": writeSafetensors([b]),
    });
    const model = await openModelFolder(source, "a VAE");
    expect(model.config).toEqual({ name: "config.json", json: { x: 1 } });
    expect(await all(model.weights, { "a.weight": [2, 2] })).toEqual({ "a.weight": [0, 1, 2, 3] });
    expect([...source.open_]).toEqual(["diffusion_pytorch_model.safetensors"]);
    await model.close();
    expect(source.open_.size).toBe(0);
  });

  it.each(["[1]", "{", "null"])("refuses a config.json that holds %s", async (text) => {
    const source = place({
      "config.json": new TextEncoder().encode(text),
      "diffusion_pytorch_model.safetensors": writeSafetensors([a]),
    });
    await expect(openModelFolder(source, "a VAE")).rejects.toThrow(/place\/config.json is not a JSON object/);
  });

  it("reads the shards beside an index that was named alone", async () => {
    const index = "diffusion_pytorch_model.safetensors.index.json";
    const map = { "a.weight": "1.safetensors", "b.bias": "2.safetensors" };
    const inside = place({ [index]: encode({ weight_map: map }) });
    const files = { "1.safetensors": writeSafetensors([a]), "2.safetensors": writeSafetensors([b]) };
    const beside = place(files);
    const find = (names: readonly string[]) => async (name: string) =>
      names.includes(name) ? beside.open(name) : undefined;
    const model = await openModelFolder({ ...inside, beside: find(Object.keys(files)) }, "a VAE");
    expect(await all(model.weights, { "a.weight": [2, 2], "b.bias": [3] })).toEqual({
      "a.weight": [0, 1, 2, 3],
      "b.bias": [10, 11, 12],
    });
    await model.close();
    const half = { ...inside, beside: find(["1.safetensors"]) };
    inside.open = (name) =>
      name === index
        ? Promise.resolve(fromBuffer(name, encode({ weight_map: map })))
        : Promise.reject(new RevqError("weights-file-missing", "no"));
    await expect(openModelFolder({ ...half, open: inside.open }, "a VAE")).rejects.toMatchObject({
      code: "model-index",
      message: /it names "2\.safetensors", which is not there/,
    });
    expect(beside.open_.size).toBe(0);
  });

  it("tells what Python writes into a config.json that is not JSON", async () => {
    const files = {
      "config.json": new TextEncoder().encode('{"shift_factor": NaN}'),
      "vae.safetensors": writeSafetensors([a]),
    };
    await expect(openModelFolder(place(files), "a VAE")).rejects.toMatchObject({
      code: "model-config",
      message: /it holds NaN/,
      fix: expect.stringMatching(/replace it by null/),
    });
  });

  it("reads shards through their index, below vae/", async () => {
    const source = place({
      "model_index.json": encode({}),
      "vae/config.json": encode({}),
      "vae/diffusion_pytorch_model.safetensors.index.json": encode({
        weight_map: { "a.weight": "m-1.safetensors", "b.bias": "m-2.safetensors" },
      }),
      "vae/m-1.safetensors": writeSafetensors([a]),
      "vae/m-2.safetensors": writeSafetensors([b]),
    });
    const model = await openModelFolder(source, "a VAE");
    expect(await all(model.weights, { "a.weight": [2, 2], "b.bias": [3] })).toEqual({
      "a.weight": [0, 1, 2, 3],
      "b.bias": [10, 11, 12],
    });
    await model.close();
    expect(source.open_.size).toBe(0);
  });

  it.each([
    ["not JSON", new TextEncoder().encode("{"), /it is not JSON/],
    ["no map", encode({ metadata: {} }), /no "weight_map"/],
    ["a map of numbers", encode({ weight_map: { a: 1 } }), /map names to files/],
    [
      "a file that is not there",
      encode({ weight_map: { a: "gone.safetensors" } }),
      /"gone.safetensors", which is not there/,
    ],
    ["a file elsewhere", encode({ weight_map: { a: "../m.safetensors" } }), /not a file beside it/],
    ["a tensor that its file lacks", encode({ weight_map: { a: "m.safetensors" } }), /has no tensor "a"/],
  ])("refuses an index with %s", async (_, index, message) => {
    const source = place({
      "diffusion_pytorch_model.safetensors.index.json": index,
      "m.safetensors": writeSafetensors([b]),
    });
    await expect(openModelFolder(source, "a VAE")).rejects.toThrow(message);
    expect(source.open_.size).toBe(0);
  });

  it("never takes just any file of a folder, but a single file as it is", async () => {
    const files = { "model.safetensors": writeSafetensors([a]) };
    await expect(openModelFolder(place({ ...files, "readme.txt": encode("") }), "a VAE")).rejects.toMatchObject({
      code: "model-folder-weights",
      message: expect.stringContaining("found model.safetensors, readme.txt") as string,
    });
    const single = await openModelFolder(place(files), "a VAE");
    expect(single.config).toBeNull();
    expect(() => requireConfig(single, place(files))).toThrow(/place has no config.json/);
    expect(await all(single.weights, { "a.weight": [2, 2] })).toEqual({ "a.weight": [0, 1, 2, 3] });
  });
});

describe("readExpected", () => {
  const open = async (...tensors: TensorToWrite[]): Promise<TensorFile> =>
    (await openModelFolder(place({ "m.safetensors": writeSafetensors(tensors) }), "it")).weights;

  it("takes older names, and 1x1 kernels for matrices", async () => {
    const file = await open(tensor("query.weight", [2, 2, 1, 1]), tensor("steps", [1]));
    const options = {
      otherNames: (name: string) => [name.replace("to_q", "query")],
      ignore: (name: string) => name === "steps",
    };
    expect(await all(file, { "to_q.weight": [2, 2] }, options)).toEqual({ "to_q.weight": [0, 1, 2, 3] });
  });

  it("says which dtypes are read, in the words of the file", async () => {
    const file = await open({ name: "a.weight", shape: [2], data: Int32Array.of(1, 2) });
    await expect(all(file, { "a.weight": [2] })).rejects.toMatchObject({
      code: "model-tensors",
      message: expect.stringContaining('"a.weight" is I32; weights are read from F64, F32, F16 and BF16'),
      fix: "Use the model in float16, bfloat16 or float32.",
    });
  });

  it("names what is missing, misshapen and too many, with the nearest name", async () => {
    const file = await open(a, tensor("c.bais", [2]), tensor("d.weight", [2, 3]));
    const read = all(file, { "a.weight": [2, 2], "c.bias": [2], "d.weight": [3, 2] });
    await expect(read).rejects.toMatchObject({ code: "model-tensors" });
    await expect(read).rejects.toThrow(
      'm.safetensors does not hold the weights of it: "d.weight" has shape [2,3], expected [3,2]; ' +
        '"c.bias" is missing (there is "c.bais"); "c.bais" is not part of it (missing is "c.bias").',
    );
  });
});
