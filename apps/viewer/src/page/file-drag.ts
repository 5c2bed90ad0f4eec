/** Whether a drag over the page is shown the veil: only files can be dropped, text and links cannot. */

export function carriesFiles(transfer: Pick<DataTransfer, "types"> | null): boolean {
  return transfer !== null && [...transfer.types].includes("Files");
}
