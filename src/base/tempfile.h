/* Files for what does not fit into memory. */
#ifndef HIKESHI_BASE_TEMPFILE_H
#define HIKESHI_BASE_TEMPFILE_H

/* An open file without a name that is gone when it is closed, in $TMPDIR, /var/tmp or /tmp; -1 and
 * errno: none can be made. */
int tempfile_open(void);

#endif
