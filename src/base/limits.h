/* Every limit that hostile input can run into, in one place, with its reason. Each has a test at
 * one below, at and one above it. What meets a limit is reported as "not fully examined" (files) or
 * refused with the figure (requests), never treated as clean or done.
 */
#ifndef HIKESHI_BASE_LIMITS_H
#define HIKESHI_BASE_LIMITS_H

#define KIB(n) ((size_t)(n) << 10)
#define MIB(n) ((size_t)(n) << 20)
#define GIB(n) ((size_t)(n) << 30)

/* --- messages (base/messages) */
#define LIMIT_MO_BYTES MIB(4) /* a compiled catalogue; ours has some 100 KiB */

/* --- profile: a folder somebody else may have written */
#define LIMIT_PROFILE_FILE MIB(1)   /* one file; the largest of ours has 100 KiB */
#define LIMIT_PROFILE_MEMORY MIB(8) /* everything parsed */

#endif
