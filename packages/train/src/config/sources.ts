/** The sources of images or latents that a setting names: one, or a list. */

export type Sources = string | readonly string[];

export function sourceList(sources: Sources): readonly string[] {
  return typeof sources === "string" ? [sources] : sources;
}

/** For people: "photos/", or "3 sources (a.tar, …)". */
export function sourcesText(sources: Sources): string {
  const [first, ...others] = sourceList(sources);
  return others.length === 0 ? first! : `${others.length + 1} sources (${first}, …)`;
}
