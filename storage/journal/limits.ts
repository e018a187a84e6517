/**
 * The journal's limits, each with its reason.
 *
 * @module
 */

/** Below this a segment holds no useful entry; only tests go near it. */
export const segment_bytes_min: number = 64 * 1024

/** Offsets inside a segment are kept in 32 bits by other readers of the format. */
export const segment_bytes_max: number = 1024 * 1024 * 1024

/**
 * A segment of which so little is left, a sixteenth, is followed by the next one between two commits: a new name in a directory takes
 * the disk several times as long as a commit. It is what 80 MB/s write between two slices of maintenance.
 */
export const ending_share = 16

/** Recycled segments are kept for reuse up to this: writing into one costs a tenth of a new file. */
export const spare_segments_kept = 8

/** 64 segments of 64 MiB: 4 GiB of disk may wait for the store before sessions have to. */
export const backlog_segments_default = 64

/**
 * One entry with its header. Output records are at most 128 KiB; the document that lists every
 * running session is the largest, about 200 bytes for each.
 */
export const frame_bytes_max: number = 4 * 1024 * 1024

/** Zeros are written in slices of this where a spare is needed soon: larger ones would keep the disk long. */
export const prepare_slice_bytes: number = 2 * 1024 * 1024

/** ... and of this while there is time: a key that comes meanwhile waits for half a millisecond, not for two. */
export const quiet_slice_bytes: number = 512 * 1024

/** Entries under one CRC: so many that it costs nothing, and a reader holds them at once. A larger entry is alone. */
export const group_bytes_max: number = 256 * 1024

/** What a reader takes from the disk at once. */
export const read_bytes: number = 1024 * 1024
