/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one temporary directory of a run, which is removed however the run ends. */
#ifndef VFIO_CLAIM_TEMPORARY_H
#define VFIO_CLAIM_TEMPORARY_H

#include "cleanup.h"

/*
 * Makes a directory that only its owner may enter, in $TMPDIR; without it in memory (/dev/shm),
 * where there is room, or in /tmp. From then on HUP, INT, QUIT, PIPE and TERM remove it with all
 * that is in it, before they end the program as they would without it. Only one can be there at
 * a time.
 * Returns 0 and the path, which is valid until temporary_remove(), or a negative errno.
 */
int temporary_make(const char **ret_path) MUST_CHECK;

/* Removes it; nothing where there is none. */
void temporary_remove(void);

#endif
