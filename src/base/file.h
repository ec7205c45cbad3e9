/* Files of our own or named by the user, opened safely (O_CLOEXEC; NOFOLLOW where it is asked). */
#ifndef HIKESHI_BASE_FILE_H
#define HIKESHI_BASE_FILE_H

#include "base/buf.h"

/* Appends the whole regular file to out, whose maximum bounds it: a longer file is ST_LIMIT, a
 * missing one ST_NOT_FOUND. "-" is standard input. */
enum status file_read_all(const char *path, struct buf *out, struct err *e) MUST_USE;

/* Writes all of it, or nothing that a reader could see: temporary file beside it, fsync, rename.
 * What is there and is no file (a pipe, /dev/stdout) is written to and stays what it is. */
enum status file_write_atomic(const char *path, struct slice content, unsigned mode,
                              struct err *e) MUST_USE;

/* write(2) until everything is written, or ST_IO. */
enum status fd_write_all(int fd, struct slice s, struct err *e) MUST_USE;

#endif
