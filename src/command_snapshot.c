// SPDX-License-Identifier: GPL-2.0-or-later
/* vfio-claim snapshot: the machine as a file, to be looked at elsewhere or later. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "snapshot_file.h"
#include "tool.h"

static void report_left_out(const struct capture *capture)
{
	if (capture->left_out > 0)
		(void)fprintf(stderr, "note: %u file%s left out, /%s among them: %s%s\n",
			      capture->left_out, capture->left_out == 1 ? " was" : "s were",
			      capture->first_left_out, strerror(-capture->first_error),
			      geteuid() == 0 ? "" : "; root may read all");
}

static enum exit_code write_snapshot(const struct tool *tool)
{
	struct capture capture = { .root = &tool->root };

	capture_machine(&capture);
	int r = capture.error;
	if (r == 0)
		r = snapshot_write(&capture, STDOUT_FILENO);
	if (r == 0)
		report_left_out(&capture);
	capture_free(&capture);
	return r < 0 ? report_system("the snapshot cannot be written", r) : EXIT_AS_WANTED;
}

enum exit_code run_snapshot(struct tool *tool)
{
	if (!tool->has_machine) {
		(void)fprintf(stderr, PROGRAM ": --root is an image, which has no hardware; a "
					      "snapshot is taken on the machine itself\n");
		return EXIT_USAGE;
	}
	if (isatty(STDOUT_FILENO)) {
		(void)fprintf(stderr, PROGRAM ": a snapshot is a compressed file and nothing "
					      "for a terminal: " PROGRAM " snapshot > FILE\n");
		return EXIT_USAGE;
	}
	return write_snapshot(tool);
}
