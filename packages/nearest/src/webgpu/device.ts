/** The fused search on a bare `GPUDevice`, without a tensor library: buffers in, buffers out. */
import { RevqError } from "@revq/core";
import { resolveLayout, type NearestShape } from "../shape.js";
import { chooseConfig, distanceBody, flatDispatch, queriesPerWorkgroup, searchBody } from "./shader.js";

/** Of `GPUBuffer`, what is used here. */
export interface DeviceBuffer {
  readonly size: number;
  destroy(): void;
}

interface ComputePass {
  setPipeline(pipeline: unknown): void;
  setBindGroup(index: number, group: unknown): void;
  dispatchWorkgroups(x: number, y: number, z: number): void;
  end(): void;
}

interface Pipeline {
  getBindGroupLayout(index: number): unknown;
}

/** Of `GPUDevice`, what is used here: any real one fits. */
export interface ComputeDevice {
  createShaderModule(descriptor: { code: string }): unknown;
  createComputePipeline(descriptor: never): unknown;
  createBuffer(descriptor: { size: number; usage: number; mappedAtCreation?: boolean }): unknown;
  createBindGroup(descriptor: never): unknown;
  createCommandEncoder(): unknown;
  readonly queue: { submit(commands: never): void };
}

/** The same with the types that the calls here need; a caller's `GPUDevice` has its own, richer ones. */
interface PlainDevice {
  createShaderModule(descriptor: { code: string }): unknown;
  createComputePipeline(descriptor: { layout: "auto"; compute: { module: unknown; entryPoint: string } }): Pipeline;
  createBuffer(descriptor: { size: number; usage: number; mappedAtCreation?: boolean }): DeviceBuffer & {
    getMappedRange(): ArrayBuffer;
    unmap(): void;
  };
  createBindGroup(descriptor: {
    layout: unknown;
    entries: { binding: number; resource: { buffer: unknown } }[];
  }): unknown;
  createCommandEncoder(): { beginComputePass(): ComputePass; finish(): unknown };
  readonly queue: { submit(commands: unknown[]): void };
}

// GPUBufferUsage, which is a global only where WebGPU is.
const [copySource, uniform, storage] = [0x4, 0x40, 0x80];

const pipelines = new WeakMap<object, Map<string, Pipeline>>();

function pipelineFor(device: PlainDevice, key: string, code: () => string): Pipeline {
  let known = pipelines.get(device);
  if (!known) pipelines.set(device, (known = new Map()));
  let pipeline = known.get(key);
  if (!pipeline) {
    const module = device.createShaderModule({ code: code() });
    pipeline = device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "start" } });
    known.set(key, pipeline);
  }
  return pipeline;
}

/** A body with its declarations: bindings are the inputs in order, then `result`, then the uniforms. */
function wholeShader(body: string, inputs: readonly [string, string][], result: string, workgroup: number): string {
  const bindings = inputs.map(
    ([name, type], i) => `@group(0) @binding(${i}) var<storage, read> ${name}: array<${type}>;`,
  );
  return `
struct Uniforms { samples: i32, tokens: i32, groups: i32, codes: i32, zero: i32 };
${bindings.join("\n")}
@group(0) @binding(${inputs.length}) var<storage, read_write> result: array<${result}>;
@group(0) @binding(${inputs.length + 1}) var<uniform> uniforms: Uniforms;
var<private> localIndex: u32;
var<private> workgroupId: vec3<u32>;
${body}
@compute @workgroup_size(${workgroup})
fn start(@builtin(local_invocation_index) index: u32, @builtin(workgroup_id) id: vec3<u32>) {
  localIndex = index;
  workgroupId = id;
  main();
}
`;
}

/**
 * Queues the search on the device and returns at once.
 *
 * @param latents storage buffer, float32 `[samples, tokens, dim]`; token t searches codebook t % groups (`groupOf` is refused)
 * @param codebooks storage buffer, float32 `[groups, codes, dim]`
 * @returns storage buffers `[samples, tokens]`, int32 and float32, that can be copied from; the caller destroys them
 * @throws RevqError `nearest-shape`, `nearest-size`
 */
export function nearestCodesOnDevice<Buffer extends DeviceBuffer>(
  device: ComputeDevice,
  latents: Buffer,
  codebooks: Buffer,
  shape: NearestShape,
): { indices: Buffer; distances: Buffer } {
  const { samples, tokens, groups, codes, dim } = resolveLayout(shape);
  if (shape.groupOf)
    throw new RevqError(
      "nearest-shape",
      "`groupOf` is not supported on the GPU: token t searches codebook t % groups.",
    );
  if (latents.size < samples * tokens * dim * 4 || codebooks.size < groups * codes * dim * 4) {
    throw new RevqError(
      "nearest-shape",
      `The buffers hold ${latents.size} and ${codebooks.size} bytes; [${samples}, ${tokens}, ${dim}] and [${groups}, ${codes}, ${dim}] float32 need more.`,
    );
  }
  const queriesPerGroup = Math.ceil(tokens / groups) * samples;
  const config = chooseConfig(dim, queriesPerGroup);
  const across = Math.ceil(queriesPerGroup / queriesPerWorkgroup(config));
  if (across > 65535 || groups > 65535) {
    throw new RevqError(
      "nearest-size",
      `${queriesPerGroup} queries in each of ${groups} groups are too many for one GPU call.`,
      {
        fix: "Search in batches of samples.",
      },
    );
  }
  const plain = device as unknown as PlainDevice;
  const output = (): Buffer =>
    plain.createBuffer({ size: Math.max(4, samples * tokens * 4), usage: storage | copySource }) as unknown as Buffer;
  const indices = output();
  const distances = output();
  if (samples === 0) return { indices, distances };
  const uniforms = plain.createBuffer({ size: 32, usage: uniform, mappedAtCreation: true });
  new Int32Array(uniforms.getMappedRange()).set([samples, tokens, groups, codes, 0]);
  uniforms.unmap();

  const inputs: [string, string][] = [
    ["latents", "f32"],
    ["codebooks", "f32"],
  ];
  const { workgroup, slices, perThread, tile } = config;
  const search = pipelineFor(plain, `search ${dim} ${workgroup} ${slices} ${perThread} ${tile}`, () =>
    wholeShader(searchBody(config), inputs, "i32", workgroup),
  );
  const measure = pipelineFor(plain, `distance ${dim}`, () =>
    wholeShader(distanceBody(dim), [...inputs, ["indices", "i32"]], "f32", 256),
  );
  const encoder = plain.createCommandEncoder();
  const pass = encoder.beginComputePass();
  const dispatch = (pipeline: Pipeline, buffers: DeviceBuffer[], [x, y, z]: [number, number, number]): void => {
    pass.setPipeline(pipeline);
    const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
    pass.setBindGroup(0, plain.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    pass.dispatchWorkgroups(x, y, z);
  };
  dispatch(search, [latents, codebooks, indices, uniforms], [across, groups, 1]);
  dispatch(measure, [latents, codebooks, indices, distances, uniforms], flatDispatch(samples * tokens));
  pass.end();
  plain.queue.submit([encoder.finish()]);
  return { indices, distances };
}
