/** The part of every suite that needs no engine: the descriptor and its options. */
import { isPlugin, parseOptions, type OptionsSchema, type Plugin } from "@revq/core";
import { expect, it } from "vitest";
import { expectRevqError } from "./checks.js";

/** Registers the tests of a descriptor, and that the options of each case are accepted. */
export function testOptions(
  plugin: Plugin,
  cases: readonly { readonly name: string; readonly options: Readonly<Record<string, unknown>> }[],
): void {
  it("is a plugin descriptor", () => {
    expect(isPlugin(plugin)).toBe(true);
    expect(plugin.title).not.toBe("");
  });

  it("takes no options at all: every option is optional or has a default", () => {
    expect(() => parseOptions(plugin, {})).not.toThrow();
  });

  it("describes every option", () => {
    for (const [name, option] of Object.entries((plugin.options as OptionsSchema).shape)) {
      expect((option as { description?: string }).description, `.describe() of option ${name}`).toBeTruthy();
    }
  });

  it("refuses an option that it does not have, by name", async () => {
    const error = await expectRevqError("an unknown option", () => parseOptions(plugin, { "no-such-option": 1 }));
    expect(error.message).toContain("no-such-option");
  });

  it("takes the options that its recipes imply", () => {
    for (const implied of Object.values(plugin.recipes ?? {}))
      expect(() => parseOptions(plugin, implied)).not.toThrow();
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
