/** An image inside an archive. */
export interface ArchivedImage {
  readonly name: string;
  /** Size of the image in bytes, or of the whole archive where the image's size is unknown. */
  readonly bytes: number;
  /** Reads the image when it is needed. */
  read(): Promise<Uint8Array>;
}
