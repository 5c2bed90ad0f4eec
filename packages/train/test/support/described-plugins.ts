import { definePlugin, PluginRegistry } from "@revq/core";
import { z } from "zod";

const unused = (): never => {
  throw new Error("not made in these tests");
};

const transform = (id: string) =>
  definePlugin({
    kind: "transform",
    id,
    title: "t",
    options: z.strictObject({ block: z.int().optional() }),
    layout: () => null,
    parameterCount: () => 0,
    create: async () => unused(),
  });

/** Descriptors with the ids of the defaults; nothing is created. */
export const describedPlugins = new PluginRegistry()
  .register(
    definePlugin({
      kind: "backbone",
      id: "sd-vae",
      title: "t",
      weights: "required",
      options: z.strictObject({ patch: z.int().default(8).describe("side of a patch") }),
      create: async () => unused(),
    }),
    "test",
  )
  .register(
    definePlugin({
      kind: "backbone",
      id: "linear",
      title: "t",
      weights: "fitted",
      options: z.strictObject({}),
      create: async () => unused(),
    }),
    "test",
  )
  .register(
    definePlugin({
      kind: "quantizer",
      id: "vq",
      title: "t",
      options: z.strictObject({ tokens: z.int().optional(), codes: z.int().optional(), split: z.string().optional() }),
      layout: unused,
      create: async () => unused(),
    }),
    "test",
  )
  .register(
    definePlugin({
      kind: "quantizer",
      id: "multigroup",
      title: "t",
      options: z.strictObject({ tokens: z.int().optional(), codes: z.int().optional() }),
      transform: "auto",
      layout: unused,
      create: async () => unused(),
    }),
    "test",
  )
  .register(
    definePlugin({
      kind: "quantizer",
      id: "trellis",
      title: "t",
      options: z.strictObject({ tokens: z.int().optional(), codes: z.int().multipleOf(2).optional() }),
      transform: "auto",
      layout: unused,
      create: async () => unused(),
    }),
    "test",
  )
  .register(
    definePlugin({
      kind: "quantizer",
      id: "fsq",
      title: "t",
      options: z.strictObject({}),
      layout: unused,
      create: async () => unused(),
    }),
    "test",
  )
  .register(transform("none"), "test")
  .register(transform("dct"), "test")
  .register(
    definePlugin({
      kind: "rectifier",
      id: "efficientvit",
      title: "t",
      options: z.strictObject({
        channels: z.int().optional(),
        minChannels: z.int().optional(),
        layers: z.int().optional(),
        headDim: z.int().optional(),
        outputSkip: z.boolean().optional(),
      }),
      sets: { kmeans: { outputSkip: true }, paper: { outputSkip: false }, latents: { minChannels: 128 } },
      parameterCount: unused,
      create: async () => unused(),
    }),
    "test",
  )
  .register(
    definePlugin({
      kind: "rectifier",
      id: "identity",
      title: "t",
      options: z.strictObject({}),
      parameterCount: unused,
      create: async () => unused(),
    }),
    "test",
  );
