/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tools of the target (dracut, update-grub, ...) that are to be run, in order. */
#ifndef VFIO_CLAIM_COMMANDS_H
#define VFIO_CLAIM_COMMANDS_H

#include "root.h"

enum { COMMAND_PATH_SIZE = 128 };

/* Set for tools of a tree: when they call vfio-claim, the machine is none of its business. */
#define TREE_VARIABLE "VFIO_CLAIM_TREE"

struct command_line {
	char *title; /* for the progress: "initramfs of 6.12.1" */
	char **argv; /* NULL-terminated; argv[0] is a path within the root, from its "/" */
	/* Where not NULL: the command writes beside this path, relative to the root, as
	 * root_stage() would; after its success root_install() makes that the file. */
	char *staged;
};

struct command_lines {
	struct command_line *items;
	size_t count;
};

/*
 * Adds a command; the arguments end with NULL.
 *
 * @program: a path within the root, as command_find() gives it; its "/" need not be there
 * Returns 0 or -ENOMEM.
 */
int command_lines_add(struct command_lines *lines, const char *title, const char *program,
		      ...) MUST_CHECK __attribute__((sentinel));

/*
 * The path, relative to the root, at which a program of the target is: usr/sbin, usr/bin, sbin,
 * bin are looked at in this order. Links are followed within the root. Returns true and fills
 * `out`, or false.
 */
bool command_find(const struct root *root, const char *name, char out[COMMAND_PATH_SIZE]);

/*
 * Runs one command inside the root (chroot with mounts_make() where it is not the host), with no
 * standard input, a clean environment and its output in `log`, a descriptor that is written to.
 * A ^C at the terminal reaches the command as well as the caller.
 * Returns the exit status (0..255), or a negative errno where it could not be run: -ENOENT (no
 * such program, or none for its first line), -ENOEXEC (of a foreign architecture), -EPERM (not
 * root, for a chroot), -EINTR (a signal ended it).
 */
int command_run(const struct root *root, const struct command_line *line, int log) MUST_CHECK;

/* The words with blanks between, quoted for a shell where needed; owned by the caller. NULL
 * without memory. */
char *command_line_render(const struct command_line *line);

/* For commands that others run, who have nobody to do what `staged` asks for: they write the file
 * itself. */
void command_lines_write_in_place(struct command_lines *lines);

/* Takes out of `lines` the commands that are in `others`, word for word. */
void command_lines_drop(struct command_lines *lines, const struct command_lines *others);

/* Accepts an empty list. */
void command_lines_free(struct command_lines *lines);

#endif
