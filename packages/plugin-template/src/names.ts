/** Names of a plugin and of its export. */

const idPattern = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/**
 * Says why a name cannot be a plugin's; null where it can. Ids are lower case words joined by
 * dashes (`definePlugin` in @revq/core).
 */
export function checkName(name: string): string | null {
  return idPattern.test(name)
    ? null
    : `"${name}" cannot be a plugin's name: use lower case words joined by dashes, such as my-vq`;
}

/** my-vq -> myVq */
export function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
