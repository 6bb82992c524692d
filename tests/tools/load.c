// SPDX-License-Identifier: GPL-2.0-or-later
/* For the bats files: load ROOT MODULE: modules_load() with the modprobe.d of a tree, as if that
 * were the running system, and prints its result. */
/* Nobody else may set can_load. */
#include "../../src/modules.c" /* NOLINT(bugprone-suspicious-include) */

int main(int count, char **arguments)
{
	struct modules *modules = NULL;
	struct root root;

	if (count != 3 || root_open(arguments[1], &root) < 0)
		return 2;
	int r = modules_open(&root, NULL, &modules);
	if (r < 0 || modules == NULL)
		return 2;
	modules->can_load = true;
	r = modules_load(modules, arguments[2], NULL);
	(void)puts(r < 0 ? strerrorname_np(-r) : "0");
	modules_close(modules);
	root_close(&root);
	return 0;
}
