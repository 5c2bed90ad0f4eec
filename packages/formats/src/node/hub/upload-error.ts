/** What went wrong with an upload, in the words of a user. */
import { RevqError } from "@revq/core";
import { defaultEndpoint } from "../../hub/repository.js";
import type { HubSpec } from "../../hub/spec.js";

/** Turns an error of `@huggingface/hub` or of `fetch` into a `RevqError`. */
export function uploadError(
  { repository, revision }: HubSpec,
  { endpoint }: { readonly endpoint: string },
  cause: unknown,
): unknown {
  if (cause instanceof RevqError) return cause;
  const where = endpoint === defaultEndpoint ? "The Hugging Face hub" : endpoint;
  const { statusCode: status, syscall } = cause as { statusCode?: number; syscall?: string };
  const because = cause instanceof Error ? cause.message.replace(/\. URL: .*$/s, "") : String(cause);
  if (status === undefined) {
    if (syscall !== undefined) return cause; // a file that cannot be read
    if (cause instanceof TypeError) {
      const { cause: inner } = cause;
      const reason = inner instanceof Error && inner.message !== "" ? inner.message : cause.message;
      return new RevqError("hub-connection", `${where} cannot be reached (${reason}). Nothing was published.`, {
        fix: "Check the network and HF_ENDPOINT, then push again: what is already there is not sent twice.",
        cause,
      });
    }
    return new RevqError("hub-answer", `${where} gave an unusable answer for ${repository}: ${because}.`, {
      fix: "Try again later. Check HF_ENDPOINT if it is set.",
      cause,
    });
  }
  if (status === 401) {
    return new RevqError("hub-denied", `${where} does not accept the token (401: ${because}).`, {
      fix: "Set HF_TOKEN to a valid token that may write, or run `hf auth login`.",
      cause,
    });
  }
  if (status === 403) {
    return new RevqError("hub-denied", `The token may not write to ${repository} (403: ${because}).`, {
      fix: "Use a token with write access, and a repository of your own or of an organization that you are in.",
      cause,
    });
  }
  if (status === 404) {
    return new RevqError(
      "hub-not-found",
      `${where} has no ${repository} with the branch ${revision} (404: ${because}).`,
      {
        fix: "Check the owner, the name and the branch. A branch must exist before files go to it.",
        cause,
      },
    );
  }
  const isBusy = status === 429 || status >= 500;
  return new RevqError(
    isBusy ? "hub-busy" : "hub-answer",
    `${where} answered ${status} for ${repository}: ${because}.`,
    {
      fix: isBusy ? "Try again later." : "Check that the hub accepts such a repository and its files.",
      cause,
    },
  );
}
