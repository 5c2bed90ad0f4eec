/**
 * The files of every kind. `test/plugins-new.test.ts` checks that they compile and pass the
 * conformance kit.
 */
import { checkName, camelCase, pluginFiles, type TemplateKind } from "@revq/plugin-template";
import { describe, expect, it } from "vitest";

describe.each<TemplateKind>(["backbone", "transform", "quantizer", "rectifier"])("a %s", (kind) => {
  it.each(["workspace", "project"] as const)("in a %s has what it needs", (target) => {
    const files = pluginFiles({ kind, name: "my-one", packageName: `revq-${kind}-my-one`, target, version: "^1.2.3" });
    const manifest = JSON.parse(files["package.json"]!) as Record<string, Record<string, string>>;
    expect(manifest["keywords"]).toEqual(["revq-plugin"]);
    expect(manifest["peerDependencies"]!["@revq/core"]).toBe(">=1.2.3 <2.0.0");
    expect(manifest["devDependencies"]!["@revq/testkit"]).toBe("^1.2.3");
    expect(files["src/index.ts"]).toContain(`export const myOne = definePlugin({\n  kind: "${kind}",\n  id: "my-one",`);
    expect(files["src/index.ts"]).not.toContain("tfjs");
    expect(files[`src/${kind}.ts`]).toContain("@tensorflow/tfjs-core");
    expect(files["test/conformance.test.ts"]).toContain(`(myOne, [`);
    expect(files["README.md"]).toContain(`--${kind} my-one`);
    expect(".gitignore" in files).toBe(target === "project");
    // npm warns of keys in .npmrc that it does not know; this field of package.json it knows.
    expect(".npmrc" in files).toBe(false);
    const { allowScripts } = JSON.parse(files["package.json"]!) as { allowScripts?: object };
    expect(allowScripts).toEqual(target === "project" ? { "onnxruntime-node": false } : undefined);
  });
});

it("names", () => {
  expect(checkName("my-vq2")).toBeNull();
  for (const wrong of ["My", "my_vq", "-my", "my-", "2my", "", "my vq", "../x"])
    expect(checkName(wrong)).toContain(wrong);
  expect(camelCase("my-own-vq")).toBe("myOwnVq");
});
