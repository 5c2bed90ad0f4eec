/** Mistyped commands and flags, with the commands that revq has. */
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { describeParseError } from "../src/errors/parse-error.js";
import { unknownCommand } from "../src/errors/unknown-command.js";

const root = fileURLToPath(new URL("../src/commands", import.meta.url));
const commands = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .map((path) => join(path.replace(/(\/index)?\.ts$/, "")).replaceAll("/", ":"))
  .map((id) => ({ id, flags: ["train", "extract", "ablate"].includes(id) ? { data: {} } : {} }));

describe("a command that does not exist", () => {
  it.each([
    ["trian", "revq train"],
    ["Train", "revq train"],
    ["trian photos", "revq train"],
    ["tran", "revq train"],
    ["evla tokenizer", "revq eval"],
    ["docter", "revq doctor"],
    ["backbone inspct x", "revq backbone inspect"],
    ["bakbone inspect", "revq backbone inspect"],
    ["backbon", "revq backbone"],
    ["inspect x", "revq backbone inspect"],
    ["bench setp", "revq bench step"],
    ["plugins nw", "revq plugins new"],
  ])("%s: did you mean %s?", (typed, near) => {
    const { message, fix } = unknownCommand(typed.split(" "), commands);
    expect(message).toContain(`There is no command "${typed}". Did you mean ${near}`);
    expect(fix).toBe("revq --help lists the commands.");
  });

  it("that is like no other has no suggestion", () => {
    expect(unknownCommand(["xyzzy"], commands).message).toBe('There is no command "xyzzy".');
  });

  it("is an argument too many after a command that takes none", () => {
    const { message, fix } = unknownCommand(["train", "photos"], commands);
    expect(message).toBe('revq train takes no argument, and got "photos".');
    expect(fix).toContain("Did you mean --data photos?");
    expect(unknownCommand(["doctor", "all"], commands).fix).not.toContain("--data");
  });

  it("is missing where a flag comes first", () => {
    expect(unknownCommand(["--data"], commands).message).toContain("where the command is expected");
    expect(unknownCommand(["--verion"], commands).message).toContain("Did you mean --version?");
  });

  it("knows every file in commands/", () => {
    expect(commands.map(({ id }) => basename(id))).toContain("train");
    expect(commands.map(({ id }) => id)).toEqual(
      expect.arrayContaining(["plugins", "plugins:new", "backbone:inspect"]),
    );
  });
});

describe("an error of the parser", () => {
  const flags = ["data", "val", "epochs", "picture-steps", "augment"];
  const describe = (message: string, more: object = {}): string =>
    describeParseError(Object.assign(new Error(`${message}\nSee more help with --help`), more), "train", flags).message;

  it("names the flag that is near", () => {
    const unknown = (...typed: string[]): string => describe("Nonexistent flags", { flags: typed });
    expect(unknown("--datas=photos")).toBe("There is no flag --datas. Did you mean --data?");
    expect(unknown("--picture-step", "--epohs")).toMatch(/Did you mean --picture-steps\?.*Did you mean --epochs\?/);
    expect(unknown("--no-augmnt")).toContain("--augment");
    expect(unknown("-d")).toBe("There is no flag -d.");
  });

  it("says what was expected and what was got", () => {
    expect(describe("Parsing --epochs \n\tExpected an integer but received: x")).toBe(
      "--epochs: expected an integer, got x.",
    );
    expect(describe("Expected --recipe=paer to be one of: kmeans, paper")).toBe(
      "--recipe paer: expected one of kmeans, paper. Did you mean paper?",
    );
    expect(describe("Missing 1 required arg:\nids  file of ids\n\nNote: --plugin allows multiple values.")).toBe(
      "An argument is missing: ids: file of ids.",
    );
    expect(
      describe("Missing 1 required arg:\ndata  images: a folder,\n      or .parquet file;\n      or latents"),
    ).toBe("An argument is missing: data: images: a folder, or .parquet file; or latents.");
    expect(describe("Unexpected argument: photos")).toBe(
      "There is no place for the argument photos. Did you mean --data photos?",
    );
    expect(describe("Expected ckpt.pth to be one of: revq")).toBe('Got "ckpt.pth" in the place of revq.');
    expect(describe("The following error occurred:\n  --latents=l.npy cannot also be provided when using --data")).toBe(
      "--latents and --data exclude each other.",
    );
    expect(describe("The following error occurred:\n  \u001b[2mMissing required flag out\u001b[22m")).toBe(
      "--out is missing.",
    );
    expect(describe("The following errors occurred:\n  Missing required flag out\n  Missing required flag to")).toBe(
      "--out and --to are missing.",
    );
  });
});
