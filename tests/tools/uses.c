// SPDX-License-Identifier: GPL-2.0-or-later
/* uses ROOT: prints what uses_find() finds ("/": on this machine), for tests/usage.bats. */
#include <stdio.h>
#include <string.h>

#include "scan.h"
#include "usage.h"

static int fail(const char *what, int error)
{
	(void)fprintf(stderr, "%s: %s\n", what, strerror(-error));
	return 1;
}

int main(int count, char **arguments)
{
	struct root root;
	struct snapshot snapshot = { 0 };
	struct uses uses = { 0 };
	AUTO_FREE char *text = NULL;

	if (count != 2)
		return 2;
	int r = root_open(strcmp(arguments[1], "/") == 0 ? NULL : arguments[1], &root);
	if (r < 0)
		return fail(arguments[1], r);
	/* A machine without PCI devices has uses all the same: none. */
	(void)!scan_devices(&root, &snapshot);
	r = uses_find(&root, &snapshot, &uses);
	if (r == 0)
		r = uses_render(&uses, &text);
	if (r == 0)
		(void)fputs(text, stdout);
	uses_free(&uses);
	snapshot_free(&snapshot);
	root_close(&root);
	return r < 0 ? fail("uses", r) : 0;
}
