/* The verbs of hikeshi, the host tool. Each is a row in hikeshi.c and gets the arguments from its
 * own name on; it returns the exit code that --help promises. */
#ifndef HIKESHI_CMD_VERBS_H
#define HIKESHI_CMD_VERBS_H

int verb_scan(int argc, char **argv);
int verb_hunt(int argc, char **argv);
int verb_explain(int argc, char **argv);
int verb_guard(int argc, char **argv);

#endif
