/** Tar archives as GNU tar and others write them, and as they are damaged. */
import { execFileSync } from "node:child_process";
import { link, mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRandom, isRevqError, type RevqError } from "@revq/core";
import { fromBuffer, indexTar } from "@revq/formats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const inputs = Number(process.env["REVQ_MUTATIONS"] ?? 2000);
const hasTar = ((): boolean => {
  try {
    return execFileSync("tar", ["--version"]).toString().includes("GNU");
  } catch {
    return false;
  }
})();
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "revq-tar-"));
  await mkdir(join(folder, "in"));
  await writeFile(join(folder, "in", "a"), "first");
  await writeFile(join(folder, "in", "b"), "second");
  await link(join(folder, "in", "a"), join(folder, "in", "hard"));
  await symlink("a", join(folder, "in", "soft"));
  await writeFile(join(folder, "in", "holes"), "x");
  await truncate(join(folder, "in", "holes"), 1 << 20);
  await writeFile(join(folder, "in", "n".repeat(120)), "long");
});
afterAll(() => rm(folder, { recursive: true }));

interface Listed {
  readonly files: [name: string, content: string][];
  readonly leftOut: [name: string, what: string][];
  readonly notes: string[];
  readonly cut: string | null;
}

async function list(bytes: Uint8Array): Promise<Listed> {
  const source = fromBuffer("x.tar", bytes);
  const files: [string, string][] = [];
  const leftOut: [string, string][] = [];
  const notes: string[] = [];
  let cut: RevqError | null = null;
  const listener = {
    leftOut: (name: string, what: string) => void leftOut.push([name, what]),
    note: (line: string) => void notes.push(line),
    cut: (error: RevqError) => void (cut = error),
  };
  for await (const { name, offset, size, head } of indexTar(source, listener)) {
    const content = await source.read(offset, size);
    expect(head).toEqual(content.slice(0, 32));
    files.push([name, new TextDecoder().decode(content)]);
  }
  return { files, leftOut, notes, cut: (cut as RevqError | null)?.code ?? null };
}

async function tar(...args: string[]): Promise<Buffer> {
  const path = join(folder, "made.tar");
  execFileSync("tar", ["-C", join(folder, "in"), "-cf", path, ...args]);
  return readFile(path);
}

/** A member as POSIX ustar lays it out. */
function member(
  name: string | Uint8Array,
  content: string | Uint8Array,
  type = "0",
  linkName = "",
  size?: number,
): Uint8Array {
  const body = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const block = new Uint8Array(512 + Math.ceil(body.length / 512) * 512);
  const put = (text: string | Uint8Array, at: number): void =>
    block.set(typeof text === "string" ? new TextEncoder().encode(text) : text, at);
  put(name, 0);
  put((size ?? body.length).toString(8).padStart(11, "0"), 124);
  put(" ".repeat(8), 148);
  put(type, 156);
  put(linkName, 157);
  put("ustar\x0000", 257);
  put(
    block
      .subarray(0, 512)
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, "0") + "\0",
    148,
  );
  put(body, 512);
  return block;
}

function join2(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function pax(records: Uint8Array, type = "x"): Uint8Array {
  return member("pax", records, type);
}

function record(key: string, value: Uint8Array): Uint8Array {
  const rest = join2(new TextEncoder().encode(` ${key}=`), value, Uint8Array.of(10));
  let length = rest.length + 1;
  while (`${length}`.length + rest.length !== length) length = `${length}`.length + rest.length;
  return join2(new TextEncoder().encode(`${length}`), rest);
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const end = new Uint8Array(1024);

describe.skipIf(!hasTar)("what GNU tar writes", () => {
  it.each(["gnu", "posix", "ustar", "v7"])("format %s: hard links have the content of their target", async (format) => {
    const { files, leftOut, notes, cut } = await list(await tar(`--format=${format}`, "a", "b", "hard", "soft"));
    expect(files).toEqual([["a", "first"], ["b", "second"], ["hard", "first"]]); // prettier-ignore
    expect(leftOut).toEqual([["soft", "a symbolic link to a"]]);
    expect([notes, cut]).toEqual([[], null]);
  });

  it.each(["gnu", "posix"])("format %s: long names, of links too; sparse files are told", async (format) => {
    const long = "n".repeat(120);
    const listed = await list(await tar("-S", `--format=${format}`, "holes", long, "./b"));
    expect(listed.files).toEqual([[long, "long"], ["b", "second"]]); // prettier-ignore
    expect(listed.leftOut).toEqual([["holes", "a sparse file"]]);
  });

  it("appended and joined archives", async () => {
    const path = join(folder, "appended.tar");
    await writeFile(path, await tar("a"));
    await writeFile(join(folder, "a"), "newer");
    execFileSync("tar", ["-C", folder, "-rf", path, "a"]);
    expect((await list(await readFile(path))).files).toEqual([["a", "first"], ["a", "newer"]]); // prettier-ignore
    const joined = await list(Buffer.concat([await tar("a"), await tar("--format=posix", "b", "hard")]));
    expect(joined.files).toEqual([["a", "first"], ["b", "second"], ["hard", "first"]]); // prettier-ignore
    expect(joined.notes).toEqual([expect.stringMatching(/several archives/)]);
  });
});

describe("what others write", () => {
  it("pax records of any bytes, local and global", async () => {
    const binary = Uint8Array.of(0, 255, 10, 61, 32, 49, 10);
    const { files } = await list(
      join2(
        pax(record("comment", binary), "g"),
        pax(join2(record("SCHILY.xattr.x", binary), record("path", text("é.png")), record("LIBARCHIVE.y", binary))),
        member("short", "one"),
        member("two", "2"),
        end,
      ),
    );
    expect(files).toEqual([["é.png", "one"], ["two", "2"]]); // prettier-ignore
  });

  it("a size in a pax record counts", async () => {
    const { files } = await list(
      join2(pax(record("size", text("3"))), member("a", "abc", "0", "", 0), member("b", "b"), end),
    );
    expect(files).toEqual([["a", "abc"], ["b", "b"]]); // prettier-ignore
  });

  it("names that are not UTF-8 stay different", async () => {
    const name = (byte: number): Uint8Array => Uint8Array.of(0x61, byte, 0x62);
    const { files } = await list(join2(member(name(0xe9), "1"), member(name(0xe8), "2"), end));
    expect(files).toEqual([["a\\xE9b", "1"], ["a\\xE8b", "2"]]); // prettier-ignore
  });

  it("hard links: with a content of their own, with a size but no content, to nothing", async () => {
    const { files, leftOut } = await list(
      join2(
        member("a", "abc"),
        member("own", "xyz", "1", "a"),
        member("sized", "", "1", "./a", 3),
        member("lost", "", "1", "gone"),
        member("b", "b"),
        end,
      ),
    );
    expect(files).toEqual([["a", "abc"], ["own", "xyz"], ["sized", "abc"], ["b", "b"]]); // prettier-ignore
    expect(leftOut).toEqual([["lost", "a hard link to gone, which is not in the archive before it"]]);
  });

  it("old folders, devices and unknown types", async () => {
    const { files, leftOut } = await list(
      join2(member("old/", ""), member("dev", "", "3"), member("dump", "list", "D"), member("odd", "x", "~"), end),
    );
    expect(files).toEqual([["odd", "x"]]);
    expect(leftOut.map(([, what]) => what)).toEqual(["a folder", "a device", "a member of type D"]);
  });
});

describe("archives that end too early or too late", () => {
  it("lists the whole members and says that the end is missing", async () => {
    const whole = join2(member("a", "1"), member("b", "2"));
    expect(await list(whole)).toMatchObject({ files: [["a", "1"], ["b", "2"]], cut: "tar-truncated" }); // prettier-ignore
    expect(await list(whole.slice(0, 1500))).toMatchObject({ files: [["a", "1"]], cut: "tar-truncated" });
    const cut = await list(join2(member("a", "1"), member("b", "2".repeat(600))).slice(0, 1800));
    expect(cut.leftOut).toEqual([["b", "cut off: the archive ends inside it"]]);
    await expect(async () => {
      for await (const _ of indexTar(fromBuffer("x.tar", whole)));
    }).rejects.toMatchObject({ code: "tar-truncated" });
  });

  it("says that bytes follow the end mark", async () => {
    const { files, notes } = await list(join2(member("a", "1"), end, text("something else")));
    expect(files).toEqual([["a", "1"]]);
    expect(notes).toEqual([expect.stringMatching(/from byte 2048 on/)]);
  });

  it("meets damaged archives with errors of its own", async () => {
    const original = join2(
      pax(record("comment", text("x")), "g"),
      pax(join2(record("path", text("a")), record("size", text("3")))),
      member("a", "abc"),
      member("hard", "", "1", "a"),
      member("long", "name\0", "L"),
      member("b", "b"),
      end,
      member("c", "c"),
      end,
    );
    for (let seed = 1; seed <= inputs; seed++) {
      const random = createRandom(seed);
      const below = (limit: number): number => Math.floor(random.uniform() * limit);
      const bytes = seed % 5 === 0 ? original.slice(0, below(original.length)) : original.slice();
      for (let count = below(4); count > 0 && bytes.length > 0; count--) bytes[below(bytes.length)]! ^= 1 << below(8);
      await list(bytes).catch((error: unknown) => expect(isRevqError(error), `${seed}: ${String(error)}`).toBe(true));
    }
  });
});
