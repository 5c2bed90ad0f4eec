/**
 * HTML as strings. Text is escaped by default, so that a file name or a message can never become
 * markup.
 */

/** Markup that is inserted without escaping. */
export class Html {
  constructor(readonly text: string) {}
  toString(): string {
    return this.text;
  }
}

export type Content = Html | string | number | null | undefined | readonly Content[];

/**
 * Template tag: `html\`<b>${name}</b>\``. Strings are escaped, `Html` is not; null and undefined
 * vanish.
 */
export function html(parts: TemplateStringsArray, ...values: Content[]): Html {
  return new Html(parts.reduce((text, part, i) => text + render(values[i - 1]) + part));
}

/** Trusts `text` to be markup already. */
export function markup(text: string): Html {
  return new Html(text);
}

function render(content: Content): string {
  if (content === null || content === undefined) return "";
  if (content instanceof Html) return content.text;
  if (typeof content === "object") return content.map(render).join("");
  return escapeText(String(content));
}

function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
