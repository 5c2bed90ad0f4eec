/** The tests of every kind of plugin that need no engine: the descriptor and its options. */
import { isPlugin, isRevqError, parseOptions, type OptionsSchema, type Plugin } from "@revq/core";
import { expect, it } from "vitest";

/** The first test file that ran in this process. */
let firstFile: string | undefined;
/** Whether tfjs was there before this kit loaded it. */
let tfjsWasLoaded: boolean | undefined;

/** Registers the tests of a descriptor, and that the options of each case are accepted. */
export function testOptions(
  plugin: Plugin,
  cases: readonly { readonly name: string; readonly options: Readonly<Record<string, unknown>> }[],
): void {
  tfjsWasLoaded ??= "_tfengine" in globalThis;

  it("is a plugin descriptor", () => {
    expect(isPlugin(plugin)).toBe(true);
    expect(plugin.title).not.toBe("");
  });

  it("loads no tfjs when it is imported: only create does", (context) => {
    firstFile ??= context.task.file.filepath;
    if (context.task.file.filepath !== firstFile) context.skip("another test file ran in this process before");
    const advice = "import tfjs, directly or through other modules, inside create only, and not in this test file";
    expect(tfjsWasLoaded, `tfjs was loaded before create was called: ${advice}`).toBe(false);
  });

  it("takes no options at all: every option is optional or has a default", () => {
    expect(() => parseOptions(plugin, {})).not.toThrow();
  });

  it("describes every option", () => {
    for (const [name, option] of Object.entries((plugin.options as OptionsSchema).shape)) {
      expect((option as { description?: string }).description, `.describe() of option ${name}`).toBeTruthy();
    }
  });

  it("refuses an option that it does not have, by name", () => {
    let refusal: unknown;
    try {
      parseOptions(plugin, { "no-such-option": 1 });
    } catch (error) {
      refusal = error;
    }
    expect(isRevqError(refusal), `parseOptions should throw a RevqError, got ${String(refusal)}`).toBe(true);
    expect((refusal as Error).message).toContain("no-such-option");
  });

  it("takes its own sets of options", (context) => {
    if (!plugin.sets) return context.skip("it has no sets");
    for (const set of Object.values(plugin.sets)) expect(() => parseOptions(plugin, set)).not.toThrow();
  });

  for (const { name, options } of cases) {
    it(`takes the options of case ${name}`, () => {
      expect(() => parseOptions(plugin, options)).not.toThrow();
    });
  }
}

/** The name of a case: its own, or its options. */
export function caseName(
  { name, options }: { readonly name?: string; readonly options?: object },
  index: number,
): string {
  if (name !== undefined) return name;
  const text = JSON.stringify(options ?? {});
  return text.length <= 80 ? text : `${index + 1}`;
}
