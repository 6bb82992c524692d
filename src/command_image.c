// SPDX-License-Identifier: GPL-2.0-or-later
/* vfio-claim image: what the hooks of dracut and initramfs-tools ask. */
#include <stdio.h>

#include "image.h"
#include "state.h"
#include "tool.h"

/* A state that cannot be read is no revert: the next apply will complain of it. */
static bool is_reverted(const struct root *root)
{
	struct state state = { 0 };
	AUTO_FREE char *text = NULL;
	size_t length;
	unsigned line;

	if (root_read(root, STATE_PATH, STATE_SIZE_MOST, &text, &length) < 0 ||
	    state_parse(text, &state, &line) < 0)
		return false;
	bool reverted = state.reverted;
	state_free(&state);
	return reverted;
}

/*
 * A configuration file, be it empty, asks for the helper in the image: the kernel command line
 * may then claim. Without one, or after `vfio-claim revert`, the image is left alone.
 */
static enum exit_code run_image_wanted(const struct tool *tool)
{
	struct file_list files = { 0 };
	int r = config_files_find(&tool->root, &files);
	bool wanted = files.count > 0 && !is_reverted(&tool->root);

	file_list_free(&files);
	if (r < 0)
		return report_system("the configuration cannot be found", r);
	return wanted ? EXIT_AS_WANTED : EXIT_NOT_AS_WANTED;
}

static enum exit_code write_table(const struct tool *tool)
{
	struct root image;
	int r = root_open(tool->destination, &image);

	if (r < 0)
		return report_system(tool->destination, r);
	r = image_write_table(&image, &tool->config.claims);
	root_close(&image);
	return r < 0 ? report_system("the claims table cannot be written", r) : EXIT_AS_WANTED;
}

enum exit_code run_image(struct tool *tool)
{
	if (tool->wanted && tool->config_path != NULL) {
		(void)fprintf(stderr, PROGRAM ": --wanted looks for the configuration, "
					      "--config names it\n");
		return EXIT_USAGE;
	}
	if (tool->wanted)
		return run_image_wanted(tool);
	if (tool->modules != (tool->kernel != NULL) ||
	    tool->modules == (tool->destination != NULL)) {
		(void)fprintf(stderr,
			      PROGRAM ": image needs --wanted, --dest DIR, or --modules "
				      "with --kernel VERSION\n");
		return EXIT_USAGE;
	}
	enum exit_code code = need_config(tool);
	if (code != EXIT_AS_WANTED) {
		(void)fprintf(stderr,
			      PROGRAM ": the initramfs is not built, it would claim nothing; "
				      "mend the configuration first\n");
		return code;
	}
	if (tool->destination != NULL)
		return write_table(tool);
	int r = image_print_modules(&tool->root, tool->kernel, &tool->config.claims);
	return r < 0 ? report_system("the kernel's modules cannot be read", r) : EXIT_AS_WANTED;
}
