/** How an error of a library becomes text, JSON and an exit code of the command line. */
import { RevqError, type Setting } from "@revq/core";
import { describe, expect, it } from "vitest";
import { describeError } from "../src/errors/describe-error.js";
import { exitCodeOf } from "../src/errors/exit-code.js";
import { flagOfSetting, wasGivenByFlag } from "../src/errors/flag-of-setting.js";
import { UsageError } from "../src/errors/usage-error.js";
import { configFlags } from "../src/settings/config-flags.js";
import { pathOfFlag } from "../src/settings/flag-paths.js";

const resume = { type: "boolean" };
const train = { ...configFlags, resume };
const evaluate = { data: configFlags.data, latents: configFlags.latents };

describe("flagOfSetting", () => {
  it.each<[Setting, string]>([
    [{ path: "data.imageSize", value: 256 }, "--image-size 256"],
    [{ path: "data.imageSize" }, "--image-size …"],
    [{ path: "data.train" }, "--data <dir>"],
    [{ path: "quantizer.id", value: "vq" }, "--quantizer vq"],
    [{ path: "transform.id", value: "none" }, "--transform none"],
    [{ path: "train.learningRate", value: 0.001 }, "--lr 0.001"],
    [{ path: "quantizer.allocation", value: "equal" }, "--set quantizer.allocation=equal"],
    [{ path: "transform.metric", value: "centred" }, "--set transform.metric=centred"],
    [{ path: "rectifier.channels" }, "--set rectifier.channels=…"],
    [{ path: "backbone.embed", value: true }, "--embed-backbone"],
    [{ path: "resume", value: true }, "--resume"],
    [{ path: "out" }, "--out <dir>"],
  ])("%j of revq train", (setting, flag) => {
    expect(flagOfSetting(setting, train)).toBe(flag);
  });

  it("names no flag that the command does not have", () => {
    expect(flagOfSetting({ path: "data.train" }, evaluate)).toBe("--data <dir>");
    expect(flagOfSetting({ path: "data.imageSize", value: 256 }, evaluate)).toBeNull();
    expect(flagOfSetting({ path: "quantizer.allocation", value: "equal" }, evaluate)).toBeNull();
    expect(flagOfSetting({ path: "resume", value: true }, evaluate)).toBeNull();
    expect(flagOfSetting({ path: "quantizer.codess", unknown: true }, train)).toBeNull();
  });

  it("names no path that --set of a command for backbones does not take", () => {
    const inspect = { set: { type: "option", helpValue: "<backbone.a=b>" } };
    expect(flagOfSetting({ path: "data.imageSize", value: 64 }, inspect)).toBeNull();
    expect(flagOfSetting({ path: "backbone.variant", value: "taesd" }, inspect)).toBe("--set backbone.variant=taesd");
  });

  it("knows a flag of revq train for every path", () => {
    for (const flag of Object.keys(pathOfFlag)) expect(train).toHaveProperty([flag]);
  });
});

describe("wasGivenByFlag", () => {
  it("sees a flag of its own and --set, the section's too", () => {
    expect(wasGivenByFlag({ path: "data.imageSize" }, { "image-size": 250 })).toBe(true);
    expect(wasGivenByFlag({ path: "data.imageSize" }, { data: "photos" })).toBe(false);
    expect(wasGivenByFlag({ path: "train.epoch" }, { set: ["train.epoch=3"] })).toBe(true);
    expect(wasGivenByFlag({ path: "rectifier.channels" }, { set: ["rectifier={channels: 3}"] })).toBe(true);
    expect(wasGivenByFlag({ path: "train.epoch" }, { set: ["train.batch=3"] })).toBe(false);
    expect(wasGivenByFlag({ path: "rectifer" }, { set: ["rectifer.channels=3"] })).toBe(true);
  });
});

describe("exitCodeOf", () => {
  const invalid = new RevqError("config-invalid", "No.", { setting: { path: "train.epochs" } });
  it.each([
    ["a usage error of the command line", new UsageError("set-syntax", "No."), {}, 2],
    ["a refused setting that a flag gave", invalid, { epochs: 0 }, 2],
    ["a refused setting that a file gave", invalid, { config: "revq.yaml" }, 1],
    ["no engine that works", new RevqError("engine-none", "No."), { engine: "webgpu" }, 3],
    ["an engine that does not exist", new RevqError("engine-unknown", "No.", { setting: { path: "engine" } }), {}, 1],
    ["Ctrl-C", new RevqError("interrupted", "Stopped."), {}, 130],
    ["a missing folder", new RevqError("data-folder-missing", "No.", { setting: { path: "data.train" } }), {}, 1],
  ])("%s", (_, error, given, code) => {
    expect(exitCodeOf(error, given)).toBe(code);
  });
});

describe("describeError", () => {
  it("keeps the fix of the library and adds the flag", () => {
    const setting = { path: "data.imageSize", value: 256 };
    const error = new RevqError("image-size", "Images of 250 pixels do not fit.", { fix: "Use 256 pixels.", setting });
    expect(describeError(error, train)).toEqual({
      code: "image-size",
      message: "Images of 250 pixels do not fit.",
      fix: "Use 256 pixels.",
      setting,
      flag: "--image-size 256",
    });
  });
});
